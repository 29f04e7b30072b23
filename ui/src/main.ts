import { mount } from "svelte";
import App from "./App.svelte";
import { AppState } from "./app.svelte";
import { connect } from "./backend";
import { VIEW_NAMES } from "./backend/backend";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/fields.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no element `app`");
const app = new AppState(await connect(new URLSearchParams(location.search)));
await app.open();
// A window that is made to show a view has its name behind the `#`.
app.view = VIEW_NAMES.find((name) => location.hash === `#${name}`) ?? app.view;
mount(App, { target, props: { app } });
