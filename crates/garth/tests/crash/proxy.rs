//! A TCP proxy before PostgreSQL that can be cut, and that can fall silent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PASS: u8 = 0;
/// Takes connections and bytes, and passes nothing on.
const SILENT: u8 = 1;
/// Ends every connection.
const CUT: u8 = 2;

#[derive(Clone)]
pub struct Proxy {
    state: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Before the server of this URL; answers the URL that goes through the proxy.
    pub fn before(url: &str) -> (Proxy, String) {
        let (start, rest) = url.split_once('@').expect("a user");
        let (server, name) = rest.split_once('/').expect("a database");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = Proxy { state: Arc::default(), open: Arc::default() };
        let of_thread = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                of_thread.take(client, &server);
            }
        });
        (proxy, format!("{start}@{address}/{name}"))
    }

    fn take(&self, client: TcpStream, server: &str) {
        if self.state.load(Ordering::SeqCst) == CUT {
            return;
        }
        let (proxy, server) = (self.clone(), server.to_owned());
        std::thread::spawn(move || {
            // Who comes while it is silent waits until it is over.
            while proxy.state.load(Ordering::SeqCst) == SILENT {
                std::thread::sleep(Duration::from_millis(5));
            }
            let Ok(upstream) = TcpStream::connect(server) else { return };
            let mut open = proxy.open.lock().expect("a lock");
            for (from, to) in [(&client, &upstream), (&upstream, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
                open.extend(from.try_clone());
                let state = Arc::clone(&proxy.state);
                std::thread::spawn(move || pass_on(from, to, &state));
            }
        });
    }

    pub fn pass(&self) {
        self.state.store(PASS, Ordering::SeqCst);
    }

    /// From now on a black hole: connections stay, nothing comes through.
    pub fn fall_silent(&self) {
        self.state.store(SILENT, Ordering::SeqCst);
    }

    pub fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
        for stream in self.open.lock().expect("a lock").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        while state.load(Ordering::SeqCst) == SILENT {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // A silent network does not tell that the other side is gone.
    while state.load(Ordering::SeqCst) == SILENT {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = to.shutdown(Shutdown::Both);
}
