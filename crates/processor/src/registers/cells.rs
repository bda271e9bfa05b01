//! A page's list of cells, ascending by viewer: found by interpolation, since numbers are given in the order of arrival and
//! lie evenly in a page.
//!
//! Inside `page`. Invariant: a list never has more cells than the page allows.

use super::{ViewerNo, page::Full};

/// Cells within which a guess is usually right, a cache line or two: where galloping begins.
const STEP: usize = 8;

/// Where the viewer's cell is, or else where it belongs. `(first, last)` are bounds of the viewers in the list.
pub(super) fn find<T>(
    cells: &[(ViewerNo, T)],
    (first, last): (ViewerNo, ViewerNo),
    viewer: ViewerNo,
) -> Result<usize, usize> {
    let (mut low, mut high) = (0, cells.len());
    if high > 2 * STEP {
        if viewer > last {
            return Err(high);
        }
        let span = u64::from(last - first) + 1;
        let guess = (u64::from(viewer.saturating_sub(first)) * high as u64 / span) as usize;
        let mut step = STEP;
        if cells[guess.min(high - 1)].0 <= viewer {
            low = guess.min(high - 1);
            while low + step < high {
                if cells[low + step].0 > viewer {
                    high = low + step;
                    break;
                }
                low += step;
                step *= 2;
            }
        } else {
            high = guess.min(high - 1);
            while high > step {
                if cells[high - step].0 <= viewer {
                    low = high - step;
                    break;
                }
                high -= step;
                step *= 2;
            }
        }
    }
    match cells[low..high].binary_search_by_key(&viewer, |(of, _)| *of) {
        Ok(at) => Ok(low + at),
        Err(at) => Err(low + at),
    }
}

/// Sets a cell; true if it is new.
pub(super) fn set<T>(
    cells: &mut Vec<(ViewerNo, T)>,
    max: usize,
    hint: (ViewerNo, ViewerNo),
    viewer: ViewerNo,
    value: T,
) -> Result<bool, Full> {
    match find(cells, hint, viewer) {
        Ok(at) => {
            cells[at].1 = value;
            Ok(false)
        }
        Err(at) => insert(cells, max, at, (viewer, value)).map(|()| true),
    }
}

/// Puts a cell where it belongs.
pub(super) fn insert<T>(
    cells: &mut Vec<(ViewerNo, T)>,
    max: usize,
    at: usize,
    cell: (ViewerNo, T),
) -> Result<(), Full> {
    if cells.len() >= max {
        return Err(Full);
    }
    if cells.len() == cells.capacity() {
        // By a quarter: doubling would leave a third of all memory unused.
        cells.reserve_exact((cells.len() / 4).max(2).min(max - cells.len()));
    }
    cells.insert(at, cell);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cell_is_found_wherever_it_is(
            viewers in prop::collection::btree_set(prop_oneof![0..600u32, 5_000..5_100u32, any::<u32>()], 0..300),
            sought in prop_oneof![0..600u32, 5_000..5_100u32, any::<u32>()],
        ) {
            let cells: Vec<(ViewerNo, ())> = viewers.iter().map(|viewer| (*viewer, ())).collect();
            let hint = (cells.first().map_or(0, |cell| cell.0), cells.last().map_or(0, |cell| cell.0));
            let expected = cells.binary_search_by_key(&sought, |(viewer, ())| *viewer);
            prop_assert_eq!(find(&cells, hint, sought), expected);
            prop_assert_eq!(find(&cells, (0, u32::MAX), sought), expected);
            for (at, (viewer, ())) in cells.iter().enumerate() {
                prop_assert_eq!(find(&cells, hint, *viewer), Ok(at));
            }
        }
    }
}
