use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use dunlin::ConnectOptions;

use super::secret;
use crate::exit_codes::ExitCode;
use crate::failure::Failure;

/// As whom.
#[derive(Args, Debug)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct Credentials {
    /// The user name [env: DUNLIN_USER]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from this file; a line break at its end does not belong to it
    ///
    /// There is no option for the password itself: every user of the machine can read the command line of every
    /// program, and the shell writes it into its history. The environment variable DUNLIN_PASSWORD is the other way.
    #[arg(long, value_name = "FILE", conflicts_with = "password_prompt")]
    password_file: Option<PathBuf>,
    /// Ask for the password on the terminal; else it is taken from --password-file or [env: DUNLIN_PASSWORD]
    #[arg(long)]
    password_prompt: bool,
}

impl Credentials {
    /// Whether the command line says something about them.
    pub(super) fn are_given(&self) -> bool {
        self.user.is_some() || self.password_file.is_some() || self.password_prompt
    }

    /// What is given here goes before the environment, and that before the URL.
    pub(super) fn apply(&self, mut options: ConnectOptions) -> Result<ConnectOptions, Failure> {
        let user = match &self.user {
            Some(user) => Some(user.clone()),
            None => env::var_os("DUNLIN_USER").map(text).transpose()?,
        };
        if let Some(user) = user {
            options = options.user_name(user);
        }
        if let Some(password) = self.password()? {
            options = options.password(password);
        }
        Ok(options)
    }

    fn password(&self) -> Result<Option<Vec<u8>>, Failure> {
        if self.password_prompt {
            return rpassword::prompt_password("Password: ").map(|text| Some(text.into_bytes())).map_err(|error| {
                Failure::new(ExitCode::Options, format!("cannot ask for the password: {error}"))
                    .with_hint("where there is no terminal use --password-file or DUNLIN_PASSWORD")
            });
        }
        if let Some(path) = &self.password_file {
            return secret::read("the password file", path).map(Some);
        }
        Ok(env::var_os("DUNLIN_PASSWORD").map(OsString::into_encoded_bytes))
    }
}

fn text(user: OsString) -> Result<String, Failure> {
    user.into_string().map_err(|_| Failure::new(ExitCode::Options, "the user name in DUNLIN_USER is not UTF-8"))
}
