use core::{future::poll_fn, pin::Pin};

/// Runs what serves an application, and never ends, until the application does. Both stay where they are: a future that
/// takes another one for its own has room for it twice.
pub async fn beside<T>(mut service: Pin<&mut impl Future>, mut application: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|cx| {
        let result = application.as_mut().poll(cx);
        if result.is_pending() {
            let _ = service.as_mut().poll(cx);
        }
        result
    })
    .await
}
