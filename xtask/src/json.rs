//! A reader of JSON, as much as the answer of `cargo metadata` needs.

/// A JSON value. Numbers are kept as text: nothing here counts with them.
#[derive(Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one value that fills the whole text.
    ///
    /// # Errors
    ///
    /// The offset in bytes at which the text stops being JSON.
    pub(crate) fn parse(text: &str) -> Result<Json, usize> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at == text.len() { Ok(value) } else { Err(reader.at) }
    }

    /// The member of an object; `Null` where there is none.
    pub(crate) fn get(&self, name: &str) -> &Json {
        match self {
            Json::Object(members) => {
                members.iter().find(|(key, _)| key == name).map_or(&Json::Null, |(_, value)| value)
            }
            _ => &Json::Null,
        }
    }

    /// The elements of an array; none for anything else.
    pub(crate) fn elements(&self) -> &[Json] {
        match self {
            Json::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, usize> {
        if depth > DEEPEST {
            return Err(self.at);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, usize> {
        let mut members = Vec::new();
        self.expect(b'{')?;
        self.space();
        if self.skip(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':')?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.skip(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, usize> {
        let mut elements = Vec::new();
        self.expect(b'[')?;
        self.space();
        if self.skip(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.skip(b']') {
                return Ok(Json::Array(elements));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, usize> {
        self.expect(b'"')?;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\']).ok_or(self.text.len())?;
            value += &rest[..plain];
            self.at += plain;
            if self.skip(b'"') {
                return Ok(value);
            }
            value.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, usize> {
        let start = self.at;
        let letter = *self.text.as_bytes().get(start + 1).ok_or(start)?;
        self.at += 2;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).ok_or(start)?;
                let unit = u32::from_str_radix(digits, 16).map_err(|_| start)?;
                self.at += 4;
                // Half a surrogate pair: no name or path that matters here has one.
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(start),
        })
    }

    fn number(&mut self) -> Json {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        self.at += length;
        Json::Number(rest[..length].to_owned())
    }

    fn word(&mut self) -> Result<Json, usize> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.at)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), usize> {
        if self.skip(byte) { Ok(()) } else { Err(self.at) }
    }
}

const DEEPEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_writes() {
        let json = Json::parse(
            r#" {"packages":[{"name":"a","kind":null,"n":-1.5e3,"ok":true,"e":[],"o":{}}],
                "path":"C:\\a\"b\u0041\n"} "#,
        )
        .unwrap();
        let package = &json.get("packages").elements()[0];
        assert_eq!(package.get("name").as_str(), Some("a"));
        assert_eq!(package.get("kind"), &Json::Null);
        assert_eq!(package.get("n"), &Json::Number("-1.5e3".into()));
        assert_eq!(package.get("ok"), &Json::Bool(true));
        assert_eq!(package.get("absent"), &Json::Null);
        assert_eq!(json.get("path").as_str(), Some("C:\\a\"bA\n"));
    }

    #[test]
    fn says_where_a_broken_text_breaks() {
        assert_eq!(Json::parse("{\"a\":?}"), Err(5));
        assert_eq!(Json::parse("[1,2"), Err(4));
        assert_eq!(Json::parse("\"open"), Err(5));
        assert_eq!(Json::parse("1 2"), Err(2));
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }
}
