"""A thing of awsiotsdk at the twin of AWS IoT Core: by certificate on both ports, and over WebSocket by a signature."""

import sys
import uuid
from concurrent.futures import Future

from awscrt import auth, mqtt
from awsiot import iotjobs, iotshadow, mqtt_connection_builder


def connect(way, host, ca_file, certificate, key):
    given = {"endpoint": host, "client_id": "pump-3", "ca_filepath": ca_file, "clean_session": True}
    if way == "websocket":
        provider = auth.AwsCredentialsProvider.new_static("AKID", "secret/+", "to/k+en=")
        connection = mqtt_connection_builder.websockets_with_default_aws_signing(
            region="eu-west-1", credentials_provider=provider, **given)
    else:
        connection = mqtt_connection_builder.mtls_from_path(
            cert_filepath=certificate, pri_key_filepath=key, port=int(way), **given)
    connection.connect().result(20)
    return connection


def shadow(connection):
    client, thing = iotshadow.IotShadowClient(connection), "pump-3"
    accepted, got, delta = Future(), Future(), Future()
    once = mqtt.QoS.AT_LEAST_ONCE
    for subscribed, _ in [
        client.subscribe_to_update_shadow_accepted(
            iotshadow.UpdateShadowSubscriptionRequest(thing_name=thing), once,
            lambda told: accepted.done() or accepted.set_result(told)),
        client.subscribe_to_get_shadow_accepted(
            iotshadow.GetShadowSubscriptionRequest(thing_name=thing), once, got.set_result),
        client.subscribe_to_shadow_delta_updated_events(
            iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=thing), once,
            lambda told: delta.done() or delta.set_result(told)),
    ]:
        subscribed.result(20)
    token = str(uuid.uuid4())
    state = iotshadow.ShadowState(reported={"on": True}, desired={"on": False})
    client.publish_update_shadow(
        iotshadow.UpdateShadowRequest(thing_name=thing, state=state, client_token=token), once).result(20)
    told = accepted.result(20)
    assert told.client_token == token and told.state.reported == {"on": True}, told
    assert delta.result(20).state == {"on": False}
    client.publish_get_shadow(iotshadow.GetShadowRequest(thing_name=thing), once).result(20)
    assert got.result(20).state.delta == {"on": False}


def job(connection):
    client, thing = iotjobs.IotJobsClient(connection), "pump-3"
    started, updated = Future(), Future()
    once = mqtt.QoS.AT_LEAST_ONCE
    client.subscribe_to_start_next_pending_job_execution_accepted(
        iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name=thing), once, started.set_result)[0].result(20)
    client.subscribe_to_update_job_execution_accepted(
        iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name=thing, job_id="j-1"), once, updated.set_result)[0].result(20)
    client.publish_start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(thing_name=thing), once).result(20)
    execution = started.result(20).execution
    assert (execution.job_id, execution.status, execution.job_document) == ("j-1", "IN_PROGRESS", {"do": "x"}), execution
    client.publish_update_job_execution(
        iotjobs.UpdateJobExecutionRequest(
            thing_name=thing, job_id="j-1", status=iotjobs.JobStatus.SUCCEEDED, expected_version=execution.version_number),
        once).result(20)
    updated.result(20)


def main(way, *rest):
    connection = connect(way, *rest)
    connection.publish("plant/3", way, mqtt.QoS.AT_LEAST_ONCE)[0].result(20)
    if way == "8883":
        shadow(connection)
        job(connection)
    connection.disconnect().result(20)


main(*sys.argv[1:])
