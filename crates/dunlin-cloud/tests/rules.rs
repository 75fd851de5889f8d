//! What the services punish is refused before it is sent, and the refusal names the rule.

use dunlin_cloud::{Refusal, Rule, Service};
use dunlin_codec::{Qos, TopicFilter, TopicName};

const LEAST: Qos = Qos::AtLeastOnce;
const AWS: Service = Service::AwsIotCore;
const HUB: Service = Service::AzureIotHub;
const GRID: Service = Service::AzureEventGrid;
const GOOGLE: Service = Service::GoogleIotCore;
const DPS: Service = Service::AzureProvisioning;

fn publish(service: Service, topic: &str) -> Result<(), Rule> {
    service.check_publish(TopicName::new(topic).unwrap(), 4, LEAST, false).map_err(of(service))
}

fn filter(service: Service, filter: &str) -> Result<(), Rule> {
    service.check_filter(TopicFilter::new(filter).unwrap(), LEAST).map_err(of(service))
}

fn of(service: Service) -> impl Fn(Refusal) -> Rule {
    move |refusal| {
        assert_eq!(refusal.service, service);
        refusal.rule
    }
}

#[test]
fn qos_2_is_refused_where_it_is_never_answered_or_ends_the_connection() {
    for (service, topic) in [
        (AWS, "a"),
        (HUB, "devices/d/messages/events/"),
        (GRID, "a"),
        (GOOGLE, "/devices/d/events"),
        (Service::ThingsBoard, "v1/devices/me/telemetry"),
    ] {
        let topic = TopicName::new(topic).unwrap();
        let refusal = service.check_publish(topic, 0, Qos::ExactlyOnce, false).unwrap_err();
        assert_eq!(refusal.rule, Rule::Qos { qos: Qos::ExactlyOnce, most: LEAST });
        assert_eq!(service.check_publish(topic, 0, LEAST, false), Ok(()));
    }
    let anything = TopicFilter::new("a/b").unwrap();
    assert_eq!(
        AWS.check_filter(anything, Qos::ExactlyOnce).unwrap_err().rule,
        Rule::Qos { qos: Qos::ExactlyOnce, most: LEAST }
    );
    // It grants 1.
    let messages = TopicFilter::new("devices/d/messages/devicebound/#").unwrap();
    assert_eq!(HUB.check_filter(messages, Qos::ExactlyOnce), Ok(()));
}

#[test]
fn payloads_have_a_most() {
    for (service, topic, most) in
        [(AWS, "a", 128 << 10), (HUB, "devices/d/messages/events/", 256 << 10), (GRID, "a", 512 << 10)]
    {
        let topic = TopicName::new(topic).unwrap();
        assert_eq!(service.check_publish(topic, most, LEAST, false), Ok(()));
        let refusal = service.check_publish(topic, most + 1, LEAST, false).unwrap_err();
        assert_eq!(refusal.rule, Rule::Payload { bytes: most + 1, most });
    }
}

#[test]
fn aws_counts_bytes_and_slashes_of_topics_but_not_those_of_basic_ingest() {
    assert_eq!(publish(AWS, "1/2/3/4/5/6/7/8"), Ok(()));
    assert_eq!(publish(AWS, "1/2/3/4/5/6/7/8/9"), Err(Rule::Slashes { slashes: 8, most: 7 }));
    assert_eq!(filter(AWS, "1/2/3/4/5/6/7/8/#"), Err(Rule::Slashes { slashes: 8, most: 7 }));
    assert_eq!(publish(AWS, &"ä".repeat(128)), Ok(()));
    assert_eq!(publish(AWS, &"ä".repeat(129)), Err(Rule::Topic { bytes: 258, most: 256 }));
    assert_eq!(publish(AWS, "$aws/rules/r/1/2/3/4/5/6/7/8"), Ok(()));
    assert_eq!(publish(AWS, "$aws/rules/r/1/2/3/4/5/6/7/8/9"), Err(Rule::Slashes { slashes: 8, most: 7 }));
    assert_eq!(publish(AWS, &format!("$aws/rules/r/{}", "x".repeat(256))), Ok(()));
}

#[test]
fn aws_has_topics_of_one_direction_and_keeps_nothing_on_reserved_ones() {
    assert_eq!(filter(AWS, "$aws/rules/r/#"), Err(Rule::PublishOnly));
    assert_eq!(publish(AWS, "$aws/events/presence/connected/x"), Err(Rule::SubscribeOnly));
    let shadow = TopicName::new("$aws/things/t/shadow/update").unwrap();
    assert_eq!(AWS.check_publish(shadow, 2, LEAST, true).unwrap_err().rule, Rule::RetainOnReserved);
    assert_eq!(AWS.check_publish(TopicName::new("a").unwrap(), 2, LEAST, true), Ok(()));
}

#[test]
fn azure_has_only_the_topics_of_its_documents() {
    for topic in [
        "devices/d/messages/events/",
        "devices/d/messages/events/a=b&c=d",
        "devices/d/modules/m/messages/events/",
        "$iothub/twin/GET/?$rid=1",
        "$iothub/twin/PATCH/properties/reported/?$rid=1",
        "$iothub/methods/res/200/?$rid=1",
    ] {
        assert_eq!(publish(HUB, topic), Ok(()), "{topic}");
        assert_eq!(filter(HUB, topic), Err(Rule::PublishOnly), "{topic}");
    }
    for topic in [
        "devices/d/messages/devicebound/#",
        "devices/d/modules/m/#",
        "devices/d/modules/m/inputs/#",
        "$iothub/twin/res/#",
        "$iothub/twin/PATCH/properties/desired/#",
        "$iothub/methods/POST/#",
    ] {
        assert_eq!(filter(HUB, topic), Ok(()), "{topic}");
    }
    for topic in [
        "a",
        "devices/d",
        "devices/d/telemetry",
        "devices//messages/events/",
        "$iothub/twin",
        "$iothub/twin/GET/?$rid=1/x",
        "#",
        "devices/#",
    ] {
        assert_eq!(filter(HUB, topic), Err(Rule::TopicUnknown), "{topic}");
    }
    assert_eq!(publish(HUB, "plant/7/temp"), Err(Rule::TopicUnknown));
    assert_eq!(publish(HUB, "$iothub/twin/res/200/?$rid=1"), Err(Rule::SubscribeOnly));

    assert_eq!(publish(DPS, "$dps/registrations/PUT/iotdps-register/?$rid=1"), Ok(()));
    assert_eq!(publish(DPS, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=2"), Ok(()));
    assert_eq!(filter(DPS, "$dps/registrations/res/#"), Ok(()));
    assert_eq!(publish(DPS, "a"), Err(Rule::TopicUnknown));
}

#[test]
fn google_has_only_the_topics_of_its_documents() {
    for topic in ["/devices/d/events", "/devices/d/events/alerts", "/devices/d/state", "/devices/d/attach"] {
        assert_eq!(publish(GOOGLE, topic), Ok(()), "{topic}");
        assert_eq!(filter(GOOGLE, topic), Err(Rule::PublishOnly), "{topic}");
    }
    for topic in ["/devices/d/config", "/devices/d/commands/#", "/devices/d/errors"] {
        assert_eq!(filter(GOOGLE, topic), Ok(()), "{topic}");
    }
    assert_eq!(publish(GOOGLE, "/devices/d/config"), Err(Rule::SubscribeOnly));
    assert_eq!(publish(GOOGLE, "devices/d/events"), Err(Rule::TopicUnknown));
}

#[test]
fn subscriptions_are_counted() {
    assert_eq!(AWS.check_subscribe(8, 42), Ok(()));
    assert_eq!(AWS.check_subscribe(9, 0).map_err(of(AWS)), Err(Rule::Filters { filters: 9, most: 8 }));
    assert_eq!(AWS.check_subscribe(8, 43).map_err(of(AWS)), Err(Rule::Subscriptions { subscriptions: 51, most: 50 }));
    assert_eq!(HUB.check_subscribe(1, 4), Ok(()));
    assert_eq!(HUB.check_subscribe(1, 5).map_err(of(HUB)), Err(Rule::Subscriptions { subscriptions: 6, most: 5 }));
}

#[test]
fn what_is_not_kept_is_refused() {
    let retained = |service: Service, topic| service.check_publish(TopicName::new(topic).unwrap(), 1, LEAST, true);
    assert_eq!(retained(HUB, "devices/d/messages/events/").map_err(of(HUB)), Err(Rule::Retain));
    assert_eq!(retained(GRID, "a").map_err(of(GRID)), Err(Rule::Retain));
    assert_eq!(filter(GRID, "$share/g/a"), Err(Rule::SharedSubscription));
}

#[test]
fn connections_keep_their_bounds() {
    let connect =
        |service: Service, keep_alive, expiry| service.check_connect("c", keep_alive, expiry).map_err(of(service));
    let keep_alive = |seconds, from, to| Err(Rule::KeepAlive { seconds, from, to });
    assert_eq!(connect(AWS, 1200, 0), Ok(()));
    assert_eq!(connect(AWS, 1201, 0), keep_alive(1201, 5, 1200));
    assert_eq!(connect(AWS, 0, 0), keep_alive(0, 5, 1200));
    assert_eq!(connect(HUB, 1178, 0), keep_alive(1178, 0, 1177));
    assert_eq!(connect(GRID, 1161, 0), keep_alive(1161, 0, 1160));
    assert_eq!(connect(GRID, 60, 28_800), Ok(()));
    assert_eq!(connect(GRID, 60, 28_801), Err(Rule::SessionExpiry { seconds: 28_801, most: 28_800 }));
    assert_eq!(connect(DPS, 60, 1), Err(Rule::SessionKept));
    let too_long = "x".repeat(129);
    assert_eq!(AWS.check_connect(&too_long, 60, 0).map_err(of(AWS)), Err(Rule::ClientId { bytes: 129, most: 128 }));
}

#[test]
fn wills_are_messages_with_a_delay() {
    let topic = TopicName::new("gone").unwrap();
    let will = |service: Service, qos, delay| service.check_will(topic, 1, qos, false, delay).map_err(of(service));
    assert_eq!(will(GRID, LEAST, 300), Ok(()));
    assert_eq!(will(GRID, LEAST, 301), Err(Rule::WillDelay { seconds: 301, most: 300 }));
    assert_eq!(will(AWS, Qos::ExactlyOnce, 0), Err(Rule::Qos { qos: Qos::ExactlyOnce, most: LEAST }));
    assert_eq!(will(HUB, LEAST, 0), Err(Rule::TopicUnknown));
    assert_eq!(will(DPS, LEAST, 0), Err(Rule::Will));
}

#[test]
fn a_refusal_names_service_rule_and_remedy() {
    let refusal = AWS.check_subscribe(9, 0).unwrap_err();
    assert_eq!(refusal.to_string(), "one SUBSCRIBE has 9 filters; AWS IoT Core takes 8: send several");
}
