import { mount } from "svelte";
import App from "./App.svelte";
import { AppState } from "./app.svelte";
import { connect } from "./backend";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/fields.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no element `app`");
const app = new AppState(await connect(new URLSearchParams(location.search)));
await app.open();
mount(App, { target, props: { app } });
