use crate::program::dunlin;

/// The first line on stderr of a command line that is wrong.
async fn complaint(arguments: &[&str]) -> String {
    let ended = dunlin(arguments).run().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");
    ended.stderr.into_iter().next().expect("a complaint")
}

#[tokio::test]
async fn a_wrong_command_line_is_told_before_anything_is_done() {
    for (arguments, expected) in [
        (&["pub", "a"][..], "required"),
        (&["pub", "a", "b", "--null"], "cannot be used with"),
        (&["pub", "a/#", "b"], "wildcards are for filters"),
        (&["pub", "-q", "3", "a", "b"], "give 0, 1 or 2"),
        (&["pub", "-W", "0", "a", "b"], "give seconds above 0"),
        (&["sub"], "required"),
        (&["sub", "a#"], "'#' must be the last level"),
        (&["sub", "-h", "h", "--url", "mqtt://h", "a"], "cannot be used with"),
        (&["sub", "--will-message", "gone", "a"], "required"),
        (&["sub", "-h", "mqtt://h", "a"], "got a URL"),
        (&["sub", "-h", "h:1883", "a"], "got a port"),
        (&["sub", "--url", "h:1883", "a"], "must begin with mqtt://"),
        (&["sub", "--url", "mqtt://h", "--tls", "a"], "says no TLS"),
        (&["sub", "-h", "h", "--key", "key.pem", "a"], "no certificate"),
    ] {
        let complaint = complaint(arguments).await;
        assert!(complaint.starts_with("error: ") && complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let ended = dunlin(["sub", "--url", "mqtts://anna:s3cret@broker.example", "a"]).run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("password") && hint.contains("DUNLIN_URL"), "{ended:?}");
    assert!(!format!("{ended:?}").contains("s3cret"));
}

#[tokio::test]
async fn help_has_examples_and_the_exit_codes() {
    for subcommand in ["pub", "sub", "demo"] {
        let ended = dunlin([subcommand, "--help"]).run().await.assert_success();
        assert!(ended.text().contains(&format!("Examples:\n  dunlin {subcommand}")), "{}", ended.text());
    }
    let by_help = dunlin(["help", "exit-codes"]).run().await.assert_success();
    let by_name = dunlin(["exit-codes"]).run().await.assert_success();
    assert!(by_help.text().contains(by_name.text()), "{by_help:?}");
    assert!(by_name.text().contains("  130  interrupted"), "{by_name:?}");
}
