use core::fmt;
use std::{
    borrow::ToOwned,
    env, fs, io,
    path::{Path, PathBuf},
    string::String,
};

use crate::aws::Credentials;

/// Credentials of AWS that are one's own. `Debug` shows neither key nor token.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl AwsCredentials {
    /// A key and its secret.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into(), session_token: None }
    }

    /// The token that temporary credentials come with.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where it is set, `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// One of the first two is not set.
    pub fn from_environment() -> Result<Self, AwsCredentialsError> {
        Self::from_variables(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, AwsCredentialsError> {
        let needed = |name| get(name).ok_or(AwsCredentialsError::NotSet(name));
        Ok(Self {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: get("AWS_SESSION_TOKEN"),
        })
    }

    /// From the file that AWS's own tools keep: `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`. The profile is the
    /// one given, or that of `AWS_PROFILE`, or `default`. It reads a small file and waits for that.
    ///
    /// # Errors
    /// See [`AwsCredentialsError`].
    pub fn from_profile(profile: Option<&str>) -> Result<Self, AwsCredentialsError> {
        let of_environment = env::var("AWS_PROFILE").ok();
        let profile = profile.or(of_environment.as_deref()).unwrap_or("default");
        let path = match env::var_os("AWS_SHARED_CREDENTIALS_FILE") {
            Some(path) => PathBuf::from(path),
            None => env::home_dir().ok_or(AwsCredentialsError::NotSet("HOME"))?.join(".aws").join("credentials"),
        };
        Self::from_file(&path, profile)
    }

    /// From this file and profile.
    ///
    /// # Errors
    /// See [`AwsCredentialsError`].
    pub fn from_file(path: &Path, profile: &str) -> Result<Self, AwsCredentialsError> {
        let text = fs::read_to_string(path).map_err(|error| AwsCredentialsError::Unreadable(error.kind()))?;
        Self::from_text(&text, profile)
    }

    fn from_text(text: &str, profile: &str) -> Result<Self, AwsCredentialsError> {
        let mut lines = text.lines().map(str::trim);
        let is_header =
            |line: &str| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim) == Some(profile);
        lines.find(|line| is_header(line)).ok_or(AwsCredentialsError::NoProfile)?;
        let (mut key, mut secret, mut token) = (None, None, None);
        for line in lines.take_while(|line| !line.starts_with('[')) {
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = Some(value.trim().to_owned());
            match name.trim() {
                "aws_access_key_id" => key = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
        Ok(Self {
            access_key_id: key.ok_or(AwsCredentialsError::Missing("aws_access_key_id"))?,
            secret_access_key: secret.ok_or(AwsCredentialsError::Missing("aws_secret_access_key"))?,
            session_token: token,
        })
    }

    pub(super) fn borrowed(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: self.session_token.as_deref(),
        }
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

/// Why there are no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsCredentialsError {
    /// This environment variable is not set.
    NotSet(&'static str),
    /// The file cannot be read.
    Unreadable(io::ErrorKind),
    /// The file has no such profile.
    NoProfile,
    /// The profile has no such line.
    Missing(&'static str),
}

impl fmt::Display for AwsCredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet(name) => write!(f, "there are no AWS credentials: {name} is not set"),
            Self::Unreadable(kind) => write!(f, "the file of AWS credentials cannot be read: {kind}"),
            Self::NoProfile => f.write_str("the file of AWS credentials has no such profile"),
            Self::Missing(name) => write!(f, "the profile of AWS credentials has no {name}"),
        }
    }
}

impl core::error::Error for AwsCredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn credentials_of_the_environment() {
        let all = |name: &'static str| Some(name.to_owned());
        let credentials = AwsCredentials::from_variables(all).unwrap();
        let expected = AwsCredentials::new("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        assert_eq!(credentials, expected.clone().session_token("AWS_SESSION_TOKEN"));
        let two = |name: &'static str| all(name).filter(|_| name != "AWS_SESSION_TOKEN");
        assert_eq!(AwsCredentials::from_variables(two), Ok(expected));
        let none = AwsCredentials::from_variables(|_| None);
        assert_eq!(none, Err(AwsCredentialsError::NotSet("AWS_ACCESS_KEY_ID")));
    }

    #[test]
    fn credentials_of_a_profile() {
        let text = "# c\n[default]\naws_access_key_id = A\naws_secret_access_key=s=\n\n[ other ]\nregion = x\n\
                    aws_access_key_id=B\naws_secret_access_key = t\naws_session_token = u\n[half]\naws_access_key_id=C\n";
        let of = |profile| AwsCredentials::from_text(text, profile);
        assert_eq!(of("default"), Ok(AwsCredentials::new("A", "s=")));
        assert_eq!(of("other"), Ok(AwsCredentials::new("B", "t").session_token("u")));
        assert_eq!(of("half"), Err(AwsCredentialsError::Missing("aws_secret_access_key")));
        assert_eq!(of("none"), Err(AwsCredentialsError::NoProfile));
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", AwsCredentials::new("AKID", "hidden").session_token("hidden"));
        assert!(shown.contains("AKID") && !shown.contains("hidden"), "{shown}");
    }
}
