use super::ConnectOptions;
use crate::proxy::Proxy;

/// Which proxy to go through.
#[derive(Clone)]
pub(crate) enum ProxyChoice {
    OfEnvironment,
    None,
    This(Proxy),
}

impl ConnectOptions {
    /// Go through this proxy to every server, this machine included, whatever the environment says (feature `proxy`).
    ///
    /// Not where there is a [`connector`](Self::connector) or a [socket](Self::unix_socket).
    ///
    /// Without this the proxy is the one that the environment names, by curl's rules. The first of the variables that is
    /// set decides; set and empty, it means that there is none.
    ///
    /// | URL | variables, in this order |
    /// |---|---|
    /// | `mqtts://`, `wss://` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` |
    /// | `mqtt://`, `ws://` | `all_proxy`, `ALL_PROXY` |
    /// | `mqtt+unix://`, `mqtt-quic://` | none |
    ///
    /// `no_proxy` and `NO_PROXY` name what needs none, with commas between: domains, which stand for all names below them
    /// too, addresses, networks (`10.0.0.0/8`), or `*`. To `localhost` and to loopback addresses the environment's proxy
    /// is never used, unlike curl's. `http_proxy` does not count: it is for requests that a proxy passes on. A build
    /// without the feature reads none of them.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.edit().proxy = ProxyChoice::This(proxy);
        self
    }

    /// Go through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.edit().proxy = ProxyChoice::None;
        self
    }
}
