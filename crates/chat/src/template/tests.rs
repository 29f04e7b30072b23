use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::conversation::{Tool, ToolChoice};

fn user(text: &str) -> Conversation {
    Conversation { messages: vec![Message::text(Role::User, text)], ..Conversation::default() }
}

fn call(arguments: &str) -> Conversation {
    let call = ToolCall { id: "c1".into(), name: "read".into(), arguments: arguments.into() };
    let message = Message { role: Role::Assistant, tool_calls: vec![call], ..Message::default() };
    Conversation { messages: vec![message], ..Conversation::default() }
}

fn with_tool() -> Conversation {
    let json = json!({"type": "function", "function": {"name": "read", "parameters": {"b": 1, "a": 2.0}}});
    Conversation { tools: vec![Tool::from_json(json).unwrap()], ..user("hi") }
}

fn render(source: &str, conversation: &Conversation) -> Result<String, TemplateError> {
    ChatTemplate::from_source(source)?.render(conversation, true)
}

/// What an expression prints.
fn printed(expression: &str) -> String {
    render(&format!("{{{{ {expression} }}}}"), &user("hi")).unwrap()
}

fn assert_over_limit(source: &str) {
    let result = render(source, &user("hi"));
    assert!(matches!(result, Err(TemplateError::OverLimit { .. })), "{source}: {result:?}");
}

mod finding_it {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Result<String, TemplateError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        ChatTemplate::from_folder(folder.path())?.render(&with_tool(), true)
    }

    #[test]
    fn the_jinja_file_comes_first() {
        let files = [
            ("tokenizer_config.json", r#"{"chat_template": "config"}"#),
            ("chat_template.json", r#"{"chat_template": "json"}"#),
            ("chat_template.jinja", "jinja"),
        ];
        assert_eq!(found(&files).unwrap(), "jinja");
        assert_eq!(found(&files[..2]).unwrap(), "json");
        assert_eq!(found(&files[..1]).unwrap(), "config");
    }

    #[test]
    fn of_named_templates_tools_take_their_own() {
        let list = r#"{"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]}"#;
        assert_eq!(found(&[("tokenizer_config.json", list)]).unwrap(), "tools");
        let only = r#"{"chat_template": [{"name": "default", "template": "plain"}]}"#;
        assert_eq!(found(&[("tokenizer_config.json", only)]).unwrap(), "plain");
    }

    #[test]
    fn special_tokens_are_texts_or_objects() {
        let config = r#"{"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": null}"#;
        let template = "{{ bos_token }}{{ eos_token }}{{ unk_token is defined }}";
        let files = [("tokenizer_config.json", config), ("chat_template.jinja", template)];
        assert_eq!(found(&files).unwrap(), "<s></s>False");
    }

    #[test]
    fn no_template_says_where_it_was_looked_for() {
        let error = found(&[("tokenizer_config.json", "{}")]).unwrap_err().to_string();
        assert!(error.contains("chat_template.jinja") && error.contains("tokenizer_config.json"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_template() {
        let error = ChatTemplate::from_folder(Path::new("nowhere")).unwrap_err();
        assert!(matches!(error, TemplateError::Missing { .. }), "{error}");
    }

    #[test]
    fn broken_files_are_named() {
        for (config, problem) in [
            ("{", "not valid JSON"),
            (r#"{"chat_template": 5}"#, "`chat_template` is neither"),
            (r#"{"chat_template": [{"name": "rag", "template": ""}]}"#, "`chat_template` lists no"),
        ] {
            let error = found(&[("tokenizer_config.json", config)]).unwrap_err().to_string();
            assert!(error.contains("tokenizer_config.json") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_broken_template_says_in_which_line() {
        let error = found(&[("chat_template.jinja", "a\n{% if %}")]).unwrap_err().to_string();
        assert!(error.contains("is broken") && error.contains(":2)"), "{error}");
    }
}

mod as_transformers_does_it {
    use super::*;

    #[test]
    fn blocks_leave_no_lines() {
        let source = "a\n  {% for m in messages %}\n  {{ m.content }}\n  {% endfor %}\nb\n";
        assert_eq!(render(source, &user("hi")).unwrap(), "a\n  hi\nb");
    }

    #[test]
    fn loops_may_break_and_continue() {
        let source = "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}";
        assert_eq!(render(source, &user("hi")).unwrap(), "02");
    }

    #[test]
    fn generation_blocks_print_their_body_and_keep_their_variables() {
        let source = "{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{%- generation -%} b {%- endgeneration -%} c{{ x }}";
        assert_eq!(render(source, &user("hi")).unwrap(), "1bc");
        assert_eq!(
            render("{{ 'generation' }}{% set generation = 2 %}{{ generation }}", &user("hi")).unwrap(),
            "generation2"
        );
    }

    #[test]
    fn a_refusal_keeps_the_templates_words() {
        let error = render("{{ raise_exception('Roles must alternate: ' + messages[0].role) }}", &user("hi"))
            .unwrap_err();
        assert!(
            matches!(&error, TemplateError::Refused { message } if message == "Roles must alternate: user"),
            "{error}"
        );
    }

    #[test]
    fn a_failure_says_where() {
        let error = render("a\n{{ messages[0].nothing.more }}", &user("hi")).unwrap_err();
        assert!(matches!(&error, TemplateError::Failed { problem } if problem.contains(":2)")), "{error}");
    }

    #[test]
    fn dates_follow_python_codes() {
        let today = jiff::Zoned::now().strftime("%d %b %Y").to_string();
        assert_eq!(printed("strftime_now('%d %b %Y')"), today);
    }

    #[test]
    fn python_methods_work() {
        assert_eq!(printed("' a-b '.strip().split('-')[-1].upper().startswith('B')"), "True");
        assert_eq!(printed("'abcabc'.replace('b', '')"), "acac");
        assert_eq!(printed("'abcabc'.replace('b', '', 1)"), "acabc");
        assert_eq!(printed("'-'.join(['a', 1])"), "a-1");
        assert_eq!(printed("'{:>3}|{}'.format('a', 2)"), "  a|2");
        assert_eq!(printed("{'a': 1}.items() | list"), "[('a', 1)]");
        assert_eq!(printed("[1, 2] | join(', ')"), "1, 2");
        assert_eq!(printed("[{'a': {'b': 1}}] | join('', attribute='a.b')"), "1");
    }

    // Expected values: Python 3.11, json.dumps and str.
    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = r#"{'k': [1, 1.0, 1e16, true, none, '<é"\\\n\x01>'], 'e': {}, 'f': []}"#;
        assert_eq!(
            printed(&format!("{value} | tojson")),
            r#"{"k": [1, 1.0, 1e+16, true, null, "<é\"\\\n\u0001>"], "e": {}, "f": []}"#
        );
        assert_eq!(printed("[1, {'a': []}] | tojson(indent=2)"), "[\n  1,\n  {\n    \"a\": []\n  }\n]");
        assert_eq!(
            printed("{'b': 1, 'a': 2} | tojson(separators=(',', ':'), sort_keys=true)"),
            r#"{"a":2,"b":1}"#
        );
        assert_eq!(printed("'é🚀' | tojson(ensure_ascii=true)"), r#""\u00e9\ud83d\ude80""#);
        assert_eq!(printed("{1: 1, none: 2, true: 3} | tojson"), r#"{"1": 3, "null": 2}"#);
    }

    #[test]
    fn values_print_as_python_prints_them() {
        assert_eq!(
            printed("[true, none, 1.0, 'a', \"it's\", '\\n', {'k': (1,)}]"),
            r#"[True, None, 1.0, 'a', "it's", '\n', {'k': (1,)}]"#
        );
        assert_eq!(printed("true | string"), "True");
        assert_eq!(printed("['a'] | string"), "['a']");
    }

    #[test]
    fn undefined_is_no_json() {
        assert!(matches!(render("{{ nothing | tojson }}", &user("hi")), Err(TemplateError::Failed { .. })));
    }

    #[test]
    fn a_text_and_a_mapping_are_sequences_and_none_is_not_iterable() {
        assert_eq!(
            printed("['a' is sequence, {} is sequence, none is iterable, [] is iterable]"),
            "[True, True, False, True]"
        );
    }
}

mod what_it_sees {
    use super::*;

    #[test]
    fn arguments_are_an_object_with_its_keys_in_order() {
        let source = "{% for c in messages[0].tool_calls %}{% for k, v in c.function.arguments | items %}{{ k }}={{ v }};{% endfor %}{% endfor %}";
        let text =
            r#"{"z": 1.50, "a": 123456789012345678901234567890123456789012, "m": [true, null], "f": 1e300}"#;
        assert_eq!(
            render(source, &call(text)).unwrap(),
            "z=1.5;a=123456789012345678901234567890123456789012;m=[True, None];f=1e+300;"
        );
    }

    #[test]
    fn large_numbers_keep_their_digits_in_json() {
        let source = "{{ messages[0].tool_calls[0].function.arguments | tojson }}";
        let text = r#"{"a": 123456789012345678901234567890123456789012, "b": 18446744073709551616}"#;
        assert_eq!(render(source, &call(text)).unwrap(), text);
    }

    #[test]
    fn arguments_that_are_no_json_stay_text() {
        let source = "{{ messages[0].tool_calls[0].function.arguments }}";
        assert_eq!(render(source, &call("{\"a\": ")).unwrap(), "{\"a\": ");
        assert_eq!(render(source, &call("")).unwrap(), "{}");
    }

    #[test]
    fn a_template_that_wants_arguments_as_text_gets_text() {
        let source = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name + c.function.arguments }}{% endfor %}{% endfor %}";
        assert_eq!(render(source, &call("{ \"a\":1 }")).unwrap(), "read{ \"a\":1 }");
    }

    #[test]
    fn a_template_that_cannot_do_without_content_gets_an_empty_one() {
        let calls = "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}";
        let source = format!("{{% for m in messages %}}[{{{{ m.content + '' }}}}]{calls}{{% endfor %}}");
        assert!(render(&source, &call("{}")).unwrap().starts_with("[]"));
    }

    #[test]
    fn no_content_is_none_where_the_template_can_take_it() {
        let calls = "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}";
        let source = format!(
            "{{% for m in messages %}}{{{{ m.content is none and not m.content is string }}}}{calls}{{% endfor %}}"
        );
        assert!(render(&source, &call("{}")).unwrap().starts_with("True"));
    }

    #[test]
    fn reasoning_has_the_names_that_templates_read() {
        let message = Message { reasoning: Some("hm".into()), ..Message::text(Role::Assistant, "a") };
        let conversation = Conversation { messages: vec![message], ..Conversation::default() };
        let source = "{{ messages[0].reasoning_content }}{{ messages[0].thinking }}";
        assert_eq!(render(source, &conversation).unwrap(), "hmhm");
    }

    #[test]
    fn a_late_system_message_is_the_users_where_the_template_would_refuse_or_drop_it() {
        let say = "{{ message.role }}: {{ message.content }}\n";
        let refuses = "{% if message.role == 'system' and not loop.first %}{{ raise_exception('too late') }}{% endif %}";
        let drops = "{% if message.role != 'system' or loop.first %}";
        let system = |text| Message::text(Role::System, text);
        let messages = vec![system("a"), Message::text(Role::User, "b"), system("c")];
        let conversation = Conversation { messages, ..Conversation::default() };
        for (before, after, late) in
            [("", "", "system"), (refuses, "", "user"), (drops, "{% endif %}", "user")]
        {
            let source = format!("{{% for message in messages %}}{before}{say}{after}{{% endfor %}}");
            assert_eq!(render(&source, &conversation).unwrap(), format!("system: a\nuser: b\n{late}: c\n"));
        }
    }

    #[test]
    fn a_deferred_tool_is_not_listed() {
        let mut conversation = with_tool();
        let names = "{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}{{ tools is none }}";
        assert_eq!(render(names, &conversation).unwrap(), "read False");
        conversation.tools[0].deferred = true;
        assert_eq!(render(names, &conversation).unwrap(), "True");
        assert_eq!(conversation.offered_tools().len(), 1);
    }

    #[test]
    fn the_developer_role_is_system_unless_the_template_knows_it() {
        let conversation =
            Conversation { messages: vec![Message::text(Role::Developer, "a")], ..Conversation::default() };
        assert_eq!(render("{{ messages[0].role }}", &conversation).unwrap(), "system");
        let knows = "{{ messages[0].role }}{# developer #}";
        assert_eq!(render(knows, &conversation).unwrap(), "developer");
    }

    #[test]
    fn tools_are_as_the_client_sent_them() {
        let expected =
            r#"[{"type": "function", "function": {"name": "read", "parameters": {"b": 1, "a": 2.0}}}]"#;
        assert_eq!(render("{{ tools | tojson }}", &with_tool()).unwrap(), expected);
        assert_eq!(render("{{ tools is none }}", &user("hi")).unwrap(), "True");
    }

    #[test]
    fn tool_choice_none_hides_the_tools_and_the_others_are_named() {
        let choice = |tool_choice| Conversation { tool_choice, ..with_tool() };
        let source = "{{ tools is none }} {{ tool_choice | default('-') | tojson }}";
        for (tool_choice, expected) in [
            (ToolChoice::Auto, r#"False "-""#),
            (ToolChoice::None, r#"True "-""#),
            (ToolChoice::Required, r#"False "required""#),
            (ToolChoice::Named("read".into()), r#"False {"type": "function", "function": {"name": "read"}}"#),
        ] {
            assert_eq!(render(source, &choice(tool_choice)).unwrap(), expected);
        }
    }

    #[test]
    fn the_clients_variables_do_not_replace_the_conversation() {
        let mut conversation = user("hi");
        conversation.template_kwargs.insert("enable_thinking".into(), Value::Bool(false));
        conversation.template_kwargs.insert("messages".into(), json!([]));
        let source = "{{ enable_thinking }} {{ messages | length }}";
        assert_eq!(render(source, &conversation).unwrap(), "False 1");
    }

    #[test]
    fn tool_results_name_their_call() {
        let message = Message {
            tool_call_id: Some("c1".into()),
            name: Some("read".into()),
            ..Message::text(Role::Tool, "ok")
        };
        let conversation = Conversation { messages: vec![message], ..Conversation::default() };
        let source =
            "{% set m = messages[0] %}{{ m.role }} {{ m.tool_call_id }} {{ m.name }} {{ m.content }}";
        assert_eq!(render(source, &conversation).unwrap(), "tool c1 read ok");
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_loop_without_end_is_stopped() {
        let inner = "{% for i in range(9999) %}".repeat(5);
        let source = format!("{inner}{}", "{% endfor %}".repeat(5));
        assert_over_limit(&source);
    }

    #[test]
    fn recursion_without_end_is_stopped() {
        assert_over_limit("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}");
    }

    #[test]
    fn a_text_that_doubles_is_stopped() {
        assert_over_limit(
            "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        );
        assert_over_limit(
            "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        );
        assert_over_limit("{{ 'a' * 1000000000 }}");
    }

    #[test]
    fn methods_and_filters_that_multiply_text_are_stopped() {
        let text = "{% set s = 'a' * 1000000 %}";
        for expression in [
            "s.replace('a', s)",
            "s | replace('a', s)",
            "([s] * 100000) | join",
            "''.join([s] * 100000)",
            "s.join([s] * 1000)",
            "'{:>1000000000}'.format('a')",
            "'%1000000000s' | format('a')",
            "'a' | indent(1000000000)",
        ] {
            assert_over_limit(&format!("{text}{{{{ ({expression}) | length }}}}"));
        }
    }

    #[test]
    fn a_list_that_holds_itself_many_times_over_is_not_printed() {
        let list = "{% set ns = namespace(l=['aaaaaaaa']) %}{% for i in range(12) %}{% set ns.l = [ns.l] * 10 %}{% endfor %}";
        for print in [
            "{{ ns.l }}",
            "{{ ns.l | string | length }}",
            "{{ ns.l | tojson | length }}",
            "{{ ns.l | join | length }}",
        ] {
            assert_over_limit(&format!("{list}{print}"));
        }
    }

    #[test]
    fn values_nested_as_deep_as_fuel_allows_exhaust_no_stack() {
        let open = "[".repeat(50);
        let close = "]".repeat(50);
        let nest = |name: &str| format!("{{% set ns.{name} = {open}ns.{name}{close} %}}");
        let source = format!(
            "{{% set ns = namespace(x=[], y=[]) %}}{{% for i in range(4000) %}}{}{}{{% endfor %}}{{{{ ns.x == ns.y }}}}",
            nest("x"),
            nest("y"),
        );
        assert_eq!(render(&source, &user("hi")).unwrap(), "True");
        assert!(render(&source.replace(" == ns.y", ""), &user("hi")).is_err());
        assert!(render(&source.replace(" == ns.y", " | tojson"), &user("hi")).is_err());
    }

    #[test]
    fn expressions_as_long_as_a_template_may_be_exhaust_no_stack() {
        let sum = format!("{{{{ 1{} }}}}", "+1".repeat(120_000));
        assert_eq!(render(&sum, &user("hi")).unwrap(), "120001");
        let minus = format!("{{{{ {}1 }}}}", "-".repeat(250_000));
        assert_eq!(render(&minus, &user("hi")).unwrap(), "1");
    }

    #[test]
    fn a_huge_template_is_refused() {
        let error = ChatTemplate::from_source(&"a".repeat(300_000)).unwrap_err().to_string();
        assert!(error.contains("300000 bytes long and the limit is 262144"), "{error}");
    }

    #[test]
    fn a_long_conversation_is_within_the_limits() {
        let message = Message::text(Role::User, "line of text\n".repeat(300));
        let conversation = Conversation { messages: vec![message; 500], ..Conversation::default() };
        let source = "{% for m in messages %}<|im_start|>{{ m.role ~ '\n' ~ m.content | trim }}<|im_end|>\n{% endfor %}";
        assert!(render(source, &conversation).unwrap().len() > 1_900_000);
    }

    #[test]
    fn deep_arguments_are_left_as_text() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(render("{{ messages[0].tool_calls[0].function.arguments }}", &call(&deep)).unwrap(), deep);
    }
}
