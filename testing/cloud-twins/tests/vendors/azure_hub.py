"""A device of azure-iot-device at the twin of a hub: arguments are the hub, the key in Base64, the CA's file, and "websocket"."""

import sys
import threading

from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse, ProvisioningDeviceClient


def main(hub, key, ca_file, scope, way):
    ca, websockets = open(ca_file).read(), way == "websocket"
    registration = ProvisioningDeviceClient.create_from_symmetric_key(
        "global.azure-devices-provisioning.net", "dev1", scope, key, websockets=websockets, server_verification_cert=ca)
    result = registration.register()
    assert result.status == "assigned", result
    assert (result.registration_state.assigned_hub, result.registration_state.device_id) == (hub, "dev1")

    client = IoTHubDeviceClient.create_from_symmetric_key(
        key, hub, "dev1", websockets=websockets, server_verification_cert=ca)
    desired, told, called = threading.Event(), [], threading.Event()

    def on_desired(patch):
        told.append(patch)
        desired.set()

    def on_method(request):
        assert (request.name, request.payload) == ("reboot", {"in": 5}), request.payload
        client.send_method_response(MethodResponse.create_from_method_request(request, 200, {"ok": True}))
        called.set()

    arrived = threading.Event()

    def on_message(message):
        assert message.data == b"hello" and message.custom_properties == {"k": "v w"}, message
        arrived.set()

    client.connect()
    client.on_twin_desired_properties_patch_received = on_desired
    client.on_method_request_received = on_method
    client.on_message_received = on_message
    message = Message('{"temp":21.5}', content_encoding="utf-8", content_type="application/json")
    message.custom_properties["unit"] = "C"
    client.send_message(message)
    twin = client.get_twin()
    assert "$version" in twin["desired"], twin
    client.patch_twin_reported_properties({"temp": 21.5})
    assert client.get_twin()["reported"]["temp"] == 21.5
    # From here on the story on the other side acts.
    client.send_message(Message("ready"))
    for event in [desired, called, arrived]:
        assert event.wait(20), "nothing came"
    assert told[0]["rate"] == 5, told
    client.send_message(Message("done"))
    client.shutdown()


main(*sys.argv[1:])
