//! A connection that cannot hold the server up: it has one of a limited number of seats, must begin to speak soon, and
//! must take its answers.
//!
//! The HTTP library limits the time for the head of a request, but not the wait for the first bytes, by which it tells
//! HTTP/1 from HTTP/2, nor the time in which a client reads.

use axum_server::accept::Accept;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// The longest until a new connection has said which protocol it speaks.
const BEGIN: Duration = Duration::from_secs(10);
/// The longest that a client takes nothing of its answer.
const STALL: Duration = Duration::from_secs(30);
/// How a client begins that speaks HTTP/2 (RFC 9113, 3.4); every other beginning is HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Lets connections in while there are seats.
#[derive(Clone)]
pub struct Door<A> {
    inner: A,
    seats: Arc<Semaphore>,
}

impl<A> Door<A> {
    /// A door with so many seats behind it.
    pub fn new(inner: A, connections: usize) -> Self {
        Self { inner, seats: Arc::new(Semaphore::new(connections)) }
    }
}

impl<A, I, S> Accept<I, S> for Door<A>
where
    A: Accept<I, S, Stream: Send + 'static, Service: Send + 'static, Future: Send + 'static>,
{
    type Stream = Guarded<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            tracing::debug!("a connection was closed at once: there are too many");
            return Box::pin(std::future::ready(Err(io::ErrorKind::ConnectionRefused.into())));
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Guarded { stream, _seat: seat, heard: 0, begin: Some(Box::pin(sleep(BEGIN))), stall: None }, service))
        })
    }
}

/// A connection with its seat and its patience.
pub struct Guarded<S> {
    stream: S,
    _seat: OwnedSemaphorePermit,
    /// How many bytes came that may be the beginning of HTTP/2.
    heard: usize,
    /// Until it is known what the client speaks.
    begin: Option<Pin<Box<Sleep>>>,
    /// While the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(begin) = &mut this.begin else { return Pin::new(&mut this.stream).poll_read(cx, buf) };
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => begin.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            read => {
                let came = buf.filled().get(before..).unwrap_or_default();
                let expected = PREFACE.get(this.heard..).unwrap_or_default();
                this.heard += came.len();
                if came.len() >= expected.len() || !expected.starts_with(came) {
                    this.begin = None;
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Waits for the client only so long.
    fn patiently<T>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let result = step(Pin::new(&mut self.stream), cx);
        if result.is_ready() {
            self.stall = None;
            return result;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL)));
        stall.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.patiently(cx, |stream, cx| stream.poll_write(cx, data))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.patiently(cx, |stream, cx| stream.poll_write_vectored(cx, data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.patiently(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.patiently(cx, |stream, cx| stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum_server::accept::DefaultAcceptor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    async fn through(door: &Door<DefaultAcceptor>) -> io::Result<(Guarded<DuplexStream>, DuplexStream)> {
        let (near, far) = duplex(8);
        door.accept(near, ()).await.map(|(guarded, ())| (guarded, far))
    }

    #[tokio::test]
    async fn there_are_so_many_seats() {
        let door = Door::new(DefaultAcceptor::new(), 1);
        let one = through(&door).await.expect("a seat");
        assert!(through(&door).await.is_err(), "no seat is left");
        drop(one);
        assert!(through(&door).await.is_ok(), "the seat is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_must_begin_and_may_then_be_silent() {
        let door = Door::new(DefaultAcceptor::new(), 2);
        let mut byte = [0; 8];
        let (mut silent, mut far) = through(&door).await.expect("a seat");
        far.write_all(b"PRI").await.expect("a beginning");
        assert_eq!(silent.read(&mut byte).await.expect("three"), 3);
        let late = silent.read(&mut byte).await.expect_err("the beginning stays half");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);

        let (mut speaks, mut far) = through(&door).await.expect("a seat");
        far.write_all(b"GET").await.expect("a beginning");
        assert_eq!(speaks.read(&mut byte).await.expect("three"), 3);
        let waited = tokio::time::timeout(BEGIN * 3, speaks.read(&mut byte)).await;
        assert!(waited.is_err(), "how long a head may take is for others to say");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_must_take_its_answer() {
        let door = Door::new(DefaultAcceptor::new(), 1);
        let (mut guarded, _far) = through(&door).await.expect("a seat");
        let late = guarded.write_all(b"more than eight bytes").await.expect_err("nobody reads");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }
}
