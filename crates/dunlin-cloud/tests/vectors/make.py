"""Prints the test vectors of vectors.tsv, made with the vendors' own libraries.

    pip install azure-iot-device==2.14.0 awsiotsdk==1.31.0 awscrt==0.36.1 pyjwt==2.15.1 cryptography
    python make.py > vectors.tsv

Each line: what it is, what comes out, and what goes in, between tabs. How each is made stands in the function that makes
it. The keys in this folder are for these vectors alone.
"""

import base64
import datetime
import pathlib
import sys
import threading
import unittest.mock

import awscrt.auth
import awscrt.http
import awscrt.mqtt
import awsiot.iotidentity
import awsiot.iotjobs
import awsiot.iotshadow
import awsiot.mqtt5_client_builder
import jwt
from azure.iot.device import Message, user_agent
from azure.iot.device.common.auth import sastoken, signing_mechanism
from azure.iot.device.common.pipeline import pipeline_ops_base, pipeline_nucleus
from azure.iot.device.iothub.pipeline import config as hub_config
from azure.iot.device.iothub.pipeline import mqtt_topic_iothub as hub_topics
from azure.iot.device.iothub.pipeline import pipeline_stages_iothub_mqtt as hub_stages
from azure.iot.device.provisioning.pipeline import mqtt_topic_provisioning as dps_topics
from cryptography.hazmat.primitives.serialization import load_der_private_key

FOLDER = pathlib.Path(__file__).parent
KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER_KEY = base64.b64encode(bytes(range(200, 264 - 8)) + b"+/").decode()


def row(what, expected, *given):
    fields = [what, expected, *["" if field is None else str(field) for field in given]]
    assert not any("\t" in field or "\n" in field for field in fields), fields
    print("\t".join(fields))


def sas(uri, key, expires_at, policy=None):
    """azure-iot-device: RenewableSasToken, at a time such that it ends when it should."""
    with unittest.mock.patch("time.time", return_value=expires_at - 3600):
        signing = signing_mechanism.SymmetricKeySigningMechanism(key)
        row("sas", str(sastoken.RenewableSasToken(uri, signing, policy, 3600)), uri, key, expires_at, policy)


def derived_key(key, registration_id):
    """azure-iot-device: what its samples do for group keys, by its own signing mechanism."""
    row("derived_key", signing_mechanism.SymmetricKeySigningMechanism(key).sign(registration_id), key, registration_id)


def hub_user_name(host, device, module=None, model_id=None, product=""):
    """azure-iot-device: what its MQTT stage puts into the operation that begins a connection."""
    stage = hub_stages.IoTHubMQTTTranslationStage()
    configuration = hub_config.IoTHubPipelineConfig(hostname=host, device_id=device, module_id=module, sastoken="x")
    configuration.product_info = model_id or product
    stage.nucleus = pipeline_nucleus.PipelineNucleus(configuration)
    stage.send_op_down = lambda op: None
    operation = pipeline_ops_base.InitializePipelineOperation(callback=None)
    agent = "agent/1(x;y z)"
    with unittest.mock.patch.object(user_agent, "get_iothub_user_agent", return_value=agent):
        # The stage demands a thread of this name.
        threading.current_thread().name = "pipeline"
        stage._run_op(operation)
    client_type = agent + ("" if model_id else product)
    # The library asks for an interface of its own date if a model is named.
    user_name = operation.username.replace("api-version=2020-09-30", "api-version=2021-04-12").replace(
        "api-version=2019-10-01", "api-version=2021-04-12")
    row("hub_user_name", user_name, host, device, module, model_id, client_type)
    row("hub_client_id", operation.client_id, host, device, module)


def telemetry(device, module, properties, **of_system):
    """azure-iot-device: the topic of a message with properties."""
    message = Message("x", message_id=of_system.get("mid"), content_encoding=of_system.get("ce"),
                      content_type=of_system.get("ct"), output_name=of_system.get("on"))
    message.correlation_id = of_system.get("cid")
    message.user_id = of_system.get("uid")
    message.custom_properties.update(properties)
    topic = hub_topics.get_telemetry_topic_for_publish(device, module)
    names = ["on", "mid", "cid", "uid", "ct", "ce"]
    pairs = [("$." + name, of_system[name]) for name in names if name in of_system]
    # The library sorts the application's own.
    pairs += sorted(properties.items())
    flat = [text for pair in pairs for text in pair]
    row("telemetry", hub_topics.encode_message_properties_in_topic(message, topic), device, module, *flat)


def received(device, topic):
    """azure-iot-device: what it reads from the topic of a message from the cloud."""
    message = Message("")
    hub_topics.extract_message_properties_from_topic(topic, message)
    pairs = [("$.mid", message.message_id), ("$.cid", message.correlation_id), ("$.ct", message.content_type)]
    pairs = [(name, value) for name, value in pairs if value is not None]
    pairs += [(name, value) for name, value in message.custom_properties.items()]
    flat = [text if text is not None else "(none)" for pair in pairs for text in pair]
    row("received", topic, device, *flat)


def azure_topics():
    """azure-iot-device: its functions for topics."""
    row("messages", hub_topics.get_c2d_topic_for_subscribe("dev-1"), "dev-1", "")
    row("messages", hub_topics.get_input_topic_for_subscribe("dev-1", "mod"), "dev-1", "mod")
    row("method_calls", hub_topics.get_method_topic_for_subscribe())
    row("twin_answers", hub_topics.get_twin_response_topic_for_subscribe())
    row("twin_desired", hub_topics.get_twin_patch_topic_for_subscribe())
    row("twin_read", hub_topics.get_twin_topic_for_publish("GET", "/", 17), 17)
    row("twin_report", hub_topics.get_twin_topic_for_publish("PATCH", "/properties/reported/", 4294967295), 4294967295)
    row("method_answer", hub_topics.get_method_topic_for_publish("7f", 404), "7f", 404)
    row("method_answer", hub_topics.get_method_topic_for_publish("1", -5), "1", -5)
    for topic in ["$iothub/methods/POST/reboot/?$rid=1", "$iothub/methods/POST/a%20b/?$rid=7f"]:
        row("method", topic, hub_topics.get_method_name_from_topic(topic), hub_topics.get_method_request_id_from_topic(topic))
    for topic in ["$iothub/twin/res/200/?$rid=12", "$iothub/twin/res/204/?$rid=3&$version=7"]:
        row("twin_answer", topic, hub_topics.get_twin_status_code_from_topic(topic), hub_topics.get_twin_request_id_from_topic(topic))
    row("dps_answers", dps_topics.get_register_topic_for_subscribe())
    row("dps_register", dps_topics.get_register_topic_for_publish(9), 9)
    row("dps_status", dps_topics.get_query_topic_for_publish(10, "5.a b/c"), 10, "5.a b/c")


def sigv4(host, region, key_id, secret, token, when, expires):
    """awscrt: aws_sign_request with the query as place of the signature and the token outside of it."""
    config = awscrt.auth.AwsSigningConfig(
        algorithm=awscrt.auth.AwsSigningAlgorithm.V4,
        signature_type=awscrt.auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(key_id, secret, token),
        region=region,
        service="iotdevicegateway",
        date=datetime.datetime.fromtimestamp(when, datetime.timezone.utc),
        omit_session_token=True,
        expiration_in_seconds=expires,
    )
    request = awscrt.http.HttpRequest("GET", "/mqtt", awscrt.http.HttpHeaders([("host", host)]))
    url = "wss://" + host + awscrt.auth.aws_sign_request(request, config).result().path
    row("sigv4", url, host, region, key_id, secret, token, when, expires)


def authorizer(user, name=None, key=None, token=None, signature=None):
    """awsiotsdk: the user name that its MQTT 5 builder gives to the client. It escapes the signature alone."""
    with unittest.mock.patch("awsiot.mqtt5_client_builder._builder") as builder:
        awsiot.mqtt5_client_builder.direct_with_custom_authorizer(
            endpoint="x", client_id="x", auth_username=user, auth_authorizer_name=name, auth_token_key_name=key, auth_token_value=token,
            auth_authorizer_signature=signature)
    row("authorizer", builder.call_args.kwargs["username"], user, name, key, token, signature)


def aws_topics():
    """awsiotsdk: the topics that its service clients subscribe and publish to."""
    seen = []
    connection = unittest.mock.MagicMock(spec=awscrt.mqtt.Connection)
    connection.subscribe = lambda topic, **rest: (seen.append(topic), (unittest.mock.MagicMock(), 1))[1]
    connection.publish = lambda topic, **rest: (seen.append(topic), (unittest.mock.MagicMock(), 1))[1]

    def of(client, function, request, **fields):
        callback = [lambda told: None] if function.startswith("subscribe") else []
        getattr(client, function)(request(**fields), awscrt.mqtt.QoS.AT_LEAST_ONCE, *callback)
        return seen.pop()

    shadow, s = awsiot.iotshadow.IotShadowClient(connection), awsiot.iotshadow
    for name in [None, "cfg"]:
        kind = "Shadow" if name is None else "NamedShadow"
        fields = {"thing_name": "pump-3"} | ({"shadow_name": name} if name else {})
        infix = "shadow" if name is None else "named_shadow"
        for verb in ["get", "update", "delete"]:
            request = getattr(s, verb.capitalize() + kind + "Request")
            row("shadow", of(shadow, f"publish_{verb}_{infix}", request, **fields), "pump-3", name, verb)
            for answer in ["accepted", "rejected"]:
                request = getattr(s, verb.capitalize() + kind + "SubscriptionRequest")
                topic = of(shadow, f"subscribe_to_{verb}_{infix}_{answer}", request, **fields)
                row("shadow", topic, "pump-3", name, f"{verb}/{answer}")
        for event, suffix in [("delta", "Delta"), ("", "")]:
            function = f"subscribe_to_{infix}_{'delta_updated' if event else 'updated'}_events"
            request = getattr(s, kind + suffix + "UpdatedSubscriptionRequest")
            row("shadow", of(shadow, function, request, **fields), "pump-3", name, "update/delta" if event else "update/documents")

    jobs, j = awsiot.iotjobs.IotJobsClient(connection), awsiot.iotjobs
    thing = {"thing_name": "pump-3"}
    row("jobs", of(jobs, "publish_get_pending_job_executions", j.GetPendingJobExecutionsRequest, **thing), "pump-3", "get")
    row("jobs", of(jobs, "publish_start_next_pending_job_execution", j.StartNextPendingJobExecutionRequest, **thing), "pump-3", "start-next")
    row("jobs", of(jobs, "publish_describe_job_execution", j.DescribeJobExecutionRequest, job_id="j-1", **thing), "pump-3", "describe", "j-1")
    row("jobs", of(jobs, "publish_describe_job_execution", j.DescribeJobExecutionRequest, job_id="$next", **thing), "pump-3", "describe", "$next")
    row("jobs", of(jobs, "publish_update_job_execution", j.UpdateJobExecutionRequest, job_id="j-1", status="SUCCEEDED", **thing), "pump-3", "update", "j-1")
    row("jobs", of(jobs, "subscribe_to_job_executions_changed_events", j.JobExecutionsChangedSubscriptionRequest, **thing), "pump-3", "notify")
    row("jobs", of(jobs, "subscribe_to_next_job_execution_changed_events", j.NextJobExecutionChangedSubscriptionRequest, **thing), "pump-3", "notify-next")

    identity, i = awsiot.iotidentity.IotIdentityClient(connection), awsiot.iotidentity
    row("certificates", of(identity, "publish_create_keys_and_certificate", i.CreateKeysAndCertificateRequest), "create", "")
    row("certificates", of(identity, "subscribe_to_create_keys_and_certificate_accepted", i.CreateKeysAndCertificateSubscriptionRequest), "create", "accepted")
    row("certificates", of(identity, "publish_create_certificate_from_csr", i.CreateCertificateFromCsrRequest, certificate_signing_request="x"), "csr", "")
    row("certificates", of(identity, "subscribe_to_create_certificate_from_csr_rejected", i.CreateCertificateFromCsrSubscriptionRequest), "csr", "rejected")
    row("provisioning", of(identity, "publish_register_thing", i.RegisterThingRequest, template_name="T1"), "T1", "")
    row("provisioning", of(identity, "subscribe_to_register_thing_rejected", i.RegisterThingSubscriptionRequest, template_name="T1"), "T1", "rejected")


def token(algorithm, project, issued_at, expires_at):
    """PyJWT. Its RS256 is the same each time; of ES256, which is not, everything but the signature is."""
    key = load_der_private_key((FOLDER / f"{algorithm.lower()}.pk8").read_bytes(), None)
    made = jwt.encode({"iat": issued_at, "exp": expires_at, "aud": project}, key, algorithm)
    made = made if algorithm == "RS256" else made.rpartition(".")[0]
    row(algorithm.lower(), made, project, issued_at, expires_at)


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sas("myhub.azure-devices.net/devices/dev1", KEY, 1700000000)
    sas("myhub.azure-devices.net/devices/dev1", OTHER_KEY, 4102444800)
    sas("myhub.azure-devices.net/devices/a=b:c@d/modules/m'1", KEY, 1700000001)
    sas("0ne00000000/registrations/dev1", KEY, 1700000000, "registration")
    sas("0ne00000000/registrations/a.b-c_d:e", OTHER_KEY, 1, "registration")
    derived_key(KEY, "dev1")
    derived_key(OTHER_KEY, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6")
    hub_user_name("myhub.azure-devices.net", "dev1")
    hub_user_name("myhub.azure-devices.net", "dev1", "mod1")
    hub_user_name("myhub.azure-devices.net", "dev1", product="/my product+1 (ü)")
    hub_user_name("myhub.azure-devices.net", "dev1", model_id="dtmi:com:example:Thermostat;1")
    telemetry("dev1", None, {})
    telemetry("dev1", None, {"unit": "°C", "a b&c": "1=2/3+4"})
    telemetry("dev1", None, {}, ct="application/json", ce="utf-8", mid="m-1")
    telemetry("dev1", "mod1", {"x": ""}, on="out put", cid="c/1", uid="$me")
    received("dev1", "devices/dev1/messages/devicebound/%24.mid=a%2Fb&%24.ct=text%2Fplain&k%26=v%20w&none&empty=")
    received("dev1", "devices/dev1/messages/devicebound/")
    azure_topics()
    aws = ("abc-ats.iot.us-east-1.amazonaws.com", "us-east-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    sigv4(*aws, None, 1704164645, 86400)
    sigv4(*aws, "IQoJb3JpZ2luX2VjE/+=&x y==", 1704164645, 86400)
    sigv4("a1-ats.iot.eu-central-1.amazonaws.com", "eu-central-1", "ASIAX", "s" * 40, "t" * 700, 1709164799, 1)
    sigv4("iot.example.com", "cn-north-1", "AKIA/+=", "s", None, 4102444800, 300)
    sigv4("iot.example.com", "ap-south-1", "AKID", "x" * 60, None, 1735689600, 900)
    sigv4("iot.example.com", "ap-south-1", "AKID", "x" * 100, None, 951782400, 900)
    authorizer("")
    authorizer("dev1", "Auth-1")
    authorizer("", "Auth-1", "tok", "abc.DEF_1-2", "c2ln+bmF0dXJl=")
    authorizer("dev1", None, "tok", "42", "QUJDRA==")
    aws_topics()
    for algorithm in ["RS256", "ES256"]:
        token(algorithm, "my-project", 1700000000, 1700003600)
        token(algorithm, "p\"\\/", 0, 18446744073709551615)


if __name__ == "__main__":
    main()
