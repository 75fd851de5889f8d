use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use dunlin_cloud::aws::Provisioning;

use super::thing::Place;
use crate::cloud::azure::pair;
use crate::cloud::document::with_document;
use crate::cloud::reach::Reach;
use crate::cloud::secrets::{text_in, unusable};
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::json::Object;
use crate::printer::Printer;

/// Certificate and key go into new files that this user alone can read; what is there already is not touched. Connects
/// with the claim certificate of the fleet, which --cert and --key name.
#[derive(Args, Debug)]
pub(super) struct Provision {
    /// The template by which the thing is registered
    #[arg(long, value_name = "NAME")]
    template: String,
    /// A parameter of the template; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    parameter: Vec<(String, String)>,
    /// The certificate signing request of the device, PEM; without it the service makes the key, too
    #[arg(long, value_name = "FILE", conflicts_with = "key_out")]
    csr: Option<PathBuf>,
    /// Write the certificate to this new file
    #[arg(long, value_name = "FILE")]
    certificate_out: PathBuf,
    /// Write the private key to this new file
    #[arg(long, value_name = "FILE", required_unless_present = "csr")]
    key_out: Option<PathBuf>,
    /// The client identifier [default: dunlin-provision and the process's number]
    #[arg(short = 'i', long, value_name = "ID")]
    client_id: Option<String>,
    /// Print a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reach: Reach,
}

impl Provision {
    pub(super) async fn run(&self, printer: &mut Printer) -> Result<(), Failure> {
        let template = Provisioning::new(&self.template).map_err(|error| unusable(error).during("--template"))?;
        let csr = self.csr.as_deref().map(|path| text_in("the signing request", path)).transpose()?;
        if !self.reach.has_certificate() {
            return Err(Failure::usage("the claim certificate is not given").with_hint("give --cert and --key"));
        }
        let host = self.place.host()?;
        let client_id = self.client_id.clone().unwrap_or_else(|| format!("dunlin-provision-{}", std::process::id()));
        let options = self.place.endpoint(&host)?.with_certificate(&client_id, self.reach.tls()?).map_err(unusable)?;
        // Before a certificate is made that could not be kept.
        let mut certificate = New::create(&self.certificate_out)?;
        let mut key = self.key_out.as_deref().map(New::create).transpose()?;

        let parameters: Vec<_> = self.parameter.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let options = self.reach.target(options)?.options;
        let thing = template.provision_with(options, csr.as_deref(), &parameters).await?;
        if let (Some(key), Some(pem)) = (&mut key, &thing.private_key_pem) {
            key.write(pem)?;
        }
        certificate.write(&thing.certificate_pem)?;
        let text = match self.json {
            true => {
                let object = Object::new().text("thing", &thing.thing).text("certificate_id", &thing.certificate_id);
                with_document(object, "configuration", &thing.configuration).finish() + "\n"
            }
            false => format!(
                "thing        {}\ncertificate  {}\nconfiguration {}\n",
                thing.thing, thing.certificate_id, thing.configuration
            ),
        };
        printer.foreign(text.as_bytes());
        printer.flush().await
    }
}

/// A file that was not there. It goes again unless it is written.
struct New<'p> {
    path: &'p Path,
    file: fs::File,
    is_written: bool,
}

impl<'p> New<'p> {
    fn create(path: &'p Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(file) => Ok(Self { path, file, is_written: false }),
            Err(error) => {
                let failure = Failure::new(ExitCode::Options, format!("cannot make {}: {error}", path.display()));
                Err(match error.kind() {
                    io::ErrorKind::AlreadyExists => failure.with_hint("name a file that is not there yet"),
                    _ => failure,
                })
            }
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.is_written = true;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| Failure::new(ExitCode::Other, format!("cannot write {}: {error}", self.path.display())))
    }
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = fs::remove_file(self.path);
        }
    }
}
