//! Chooses the tokens that a session keeps when its window is full.

/// The tokens that a session keeps when its window is full.
///
/// Positions count from the start of the window, so the session reads the tokens after a dropped one again.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::model::Window;
/// use sukashi::{Device, Model, Session};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let mut session = Session::with_max_seq_len(&model, 8)?;
/// session.prefill(&[1, 2, 3, 4, 5, 6, 7, 8]).await?;
/// session.decode(9).await?;
/// assert_eq!(session.ids(), [5, 6, 7, 8, 9]);
///
/// session.set_window(Window::Exact);
/// session.reset();
/// session.prefill(&[1, 2, 3, 4, 5, 6, 7, 8]).await?;
/// session.decode(9).await?;
/// assert_eq!(session.ids(), [2, 3, 4, 5, 6, 7, 8, 9]);
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// The later half, and before it the token that begins every text if the model has one. The session reads them
    /// again once, and then has room for as many further tokens. So a token costs about as much as two.
    #[default]
    Half,
    /// All but the oldest token. Each prediction then sees as many tokens as the window holds. The session reads the
    /// whole window again for each token.
    Exact,
}

impl Window {
    /// The number of tokens to keep at the start and at the end of a full window with `ids`.
    fn kept(self, ids: &[u32], bos_token_id: Option<u32>) -> (usize, usize) {
        match self {
            Self::Half => {
                let first = usize::from(ids.len() > 1 && bos_token_id.is_some_and(|bos| ids[0] == bos));
                (first, (ids.len() / 2).min(ids.len() - 1 - first))
            }
            Self::Exact => (0, ids.len() - 1),
        }
    }

    /// Drops tokens of a full window with `ids`, and returns their number. The others keep their order.
    pub(super) fn cut(self, ids: &mut Vec<u32>, bos_token_id: Option<u32>) -> usize {
        let (first, last) = self.kept(ids, bos_token_id);
        let num_dropped = ids.len() - first - last;
        ids.drain(first..first + num_dropped);
        num_dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_leaves_room_for_a_token() {
        for len in 1..20 {
            let ids: Vec<u32> = (0..len).collect();
            for (window, bos_token_id) in [
                (Window::Half, None),
                (Window::Half, Some(0)),
                (Window::Half, Some(7)),
                (Window::Exact, Some(0)),
            ] {
                let mut kept = ids.clone();
                let num_dropped = window.cut(&mut kept, bos_token_id);
                assert_eq!(kept.len() + num_dropped, ids.len());
                assert!(num_dropped > 0, "{window:?} of {len}");
                let is_kept = window == Window::Half && bos_token_id == Some(0) && len > 1;
                assert_eq!(kept.first() == Some(&0), is_kept, "{window:?} of {len}: {kept:?}");
                let rest = &kept[usize::from(is_kept)..];
                assert!(ids.ends_with(rest), "{window:?} of {len}: {kept:?}");
            }
        }
        let mut ids = vec![0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(Window::Half.cut(&mut ids, Some(0)), 3);
        assert_eq!(ids, [0, 4, 5, 6, 7]);
    }
}
