//! Filling: what comes to a shelf goes to whoever waits for it longest, in the same turn.

use runtime::desk::Desk;

use super::Problem;
use crate::reservation::{self, Reservation, Units};
use crate::shelf::{self, Place, Shelf};

/// Tells a shelf, and gives what can then be sold to those who wait for it.
pub(crate) fn tell_shelf(desk: &mut Desk<'_>, place: &Place, command: shelf::Command) -> Result<(), Problem> {
    desk.tell::<Shelf>(&place.id(), command)?;
    while let Some(claim) = desk.see::<Shelf>(&place.id()).next_fill(place) {
        let units = Units::from([(place.sku.clone(), claim.quantity)]);
        let reservation_id = claim.reservation_id.clone();
        desk.tell::<Shelf>(&place.id(), shelf::Command::Fill(claim))?;
        desk.tell::<Reservation>(&reservation_id, reservation::Command::Fill(units))?;
    }
    Ok(())
}
