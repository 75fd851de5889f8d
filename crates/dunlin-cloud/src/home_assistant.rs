//! Home Assistant's discovery: a device that tells what it has shows up by itself.

use crate::{
    NameError, NoRoom, Topic,
    json::{Object, Value},
    name::check_name,
    write,
};

/// Where an entity is announced: `homeassistant/COMPONENT/[NODE/]OBJECT/config`.
///
/// Publish [`Entity`] there, retained; an empty payload, retained, takes it back. Home Assistant says `online` at
/// [`STATUS`](Self::STATUS) when it has begun anew: where the server keeps nothing, announce again then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Discovery<'a> {
    component: &'a str,
    node: Option<&'a str>,
    object: &'a str,
}

impl<'a> Discovery<'a> {
    /// Where Home Assistant tells that it is there.
    pub const STATUS: &'static str = "homeassistant/status";

    /// `component` is what it is (`sensor`, `binary_sensor`, `switch`), `object` which one; `node` may stand for the
    /// device.
    ///
    /// # Errors
    /// One of them is empty or has other characters than letters, digits, `_` and `-`.
    pub fn new(component: &'a str, node: Option<&'a str>, object: &'a str) -> Result<Self, NameError> {
        for name in [Some(component), node, Some(object)].into_iter().flatten() {
            check_name(name, 255, "_-")?;
        }
        Ok(Self { component, node, object })
    }

    /// The topic.
    pub fn topic(self) -> Topic<'a> {
        let (node, slash) = self.node.map_or(("", ""), |node| (node, "/"));
        Topic::of_texts(["homeassistant/", self.component, "/", node, slash, self.object, "/config"])
    }
}

/// What is announced: one thing of a device, in the short names that Home Assistant knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entity<'a> {
    /// For people.
    pub name: &'a str,
    /// What it is known by for ever.
    pub unique_id: &'a str,
    /// Where its state is published.
    pub state_topic: Option<&'a str>,
    /// Where it takes commands.
    pub command_topic: Option<&'a str>,
    /// Where `online` and `offline` are published, both retained: the second as the will.
    pub availability_topic: Option<&'a str>,
    /// Such as `°C`.
    pub unit: Option<&'a str>,
    /// Such as `temperature`.
    pub device_class: Option<&'a str>,
    /// How the state is found in the payload, such as `{{ value_json.temp }}`.
    pub value_template: Option<&'a str>,
    /// What it is a part of.
    pub device: Option<EntityDevice<'a>>,
}

/// The device that an entity is a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntityDevice<'a> {
    /// What it is known by for ever.
    pub id: &'a str,
    /// For people.
    pub name: Option<&'a str>,
    /// Who made it.
    pub manufacturer: Option<&'a str>,
    /// Which one of theirs it is.
    pub model: Option<&'a str>,
}

/// What is published at [`Entity::availability_topic`] while the device is there.
pub const ONLINE: &str = "online";
/// What is published there when it is not.
pub const OFFLINE: &str = "offline";

impl Entity<'_> {
    /// Writes the payload.
    ///
    /// # Errors
    /// It needs more room.
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Result<&'o str, NoRoom> {
        let part = self.device.unwrap_or_default();
        let device = Object([
            ("ids", Some(Value::Text(part.id))),
            ("name", part.name.map(Value::Text)),
            ("mf", part.manufacturer.map(Value::Text)),
            ("mdl", part.model.map(Value::Text)),
        ]);
        let entity = Object([
            ("name", Some(Value::Text(self.name))),
            ("uniq_id", Some(Value::Text(self.unique_id))),
            ("stat_t", self.state_topic.map(Value::Text)),
            ("cmd_t", self.command_topic.map(Value::Text)),
            ("avty_t", self.availability_topic.map(Value::Text)),
            ("unit_of_meas", self.unit.map(Value::Text)),
            ("dev_cla", self.device_class.map(Value::Text)),
            ("val_tpl", self.value_template.map(Value::Text)),
            ("dev", self.device.map(|_| Value::Object(&device))),
        ]);
        write(out, entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_sensor_shows_up_and_its_topic_is_checked() {
        let discovery = Discovery::new("sensor", Some("pump-3"), "temp").unwrap();
        assert_eq!(discovery.topic().to_string(), "homeassistant/sensor/pump-3/temp/config");
        let alone = Discovery::new("switch", None, "lamp").unwrap();
        assert_eq!(alone.topic().to_string(), "homeassistant/switch/lamp/config");
        assert_eq!(Discovery::new("sensor", Some("a/b"), "temp"), Err(NameError::Character('/')));

        let device = EntityDevice { id: "pump-3", name: Some("Pump \"3\""), ..EntityDevice::default() };
        let entity = Entity {
            name: "Temperature",
            unique_id: "pump-3-temp",
            state_topic: Some("plant/3"),
            availability_topic: Some("plant/3/there"),
            unit: Some("°C"),
            device_class: Some("temperature"),
            value_template: Some("{{ value_json.temp }}"),
            device: Some(device),
            ..Entity::default()
        };
        let expected = "{\"name\":\"Temperature\",\"uniq_id\":\"pump-3-temp\",\"stat_t\":\"plant/3\",\
            \"avty_t\":\"plant/3/there\",\"unit_of_meas\":\"°C\",\"dev_cla\":\"temperature\",\
            \"val_tpl\":\"{{ value_json.temp }}\",\"dev\":{\"ids\":\"pump-3\",\"name\":\"Pump \\\"3\\\"\"}}";
        assert_eq!(entity.write(&mut [0; 512]), Ok(expected));
        let bare = Entity { name: "a", unique_id: "b", ..Entity::default() };
        assert_eq!(bare.write(&mut [0; 64]), Ok("{\"name\":\"a\",\"uniq_id\":\"b\"}"));
    }
}
