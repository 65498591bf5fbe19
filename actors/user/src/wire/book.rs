//! The book of addresses.

use runtime::desk::{Desk, Window};

use super::shown::place_in;
use super::{Problem, address_out, common, must_be_own, v1};
use crate::user::{Address, Command, Refusal, User};

fn tell(desk: &mut Desk<'_>, user_id: &str, command: Command) -> Result<(), Problem> {
    must_be_own(&desk.see::<User>(user_id), &desk.facts().caller)?;
    desk.tell::<User>(user_id, command).map(drop)
}

fn now(desk: &Desk<'_>, user_id: &str, address_id: &str) -> Option<v1::UserAddress> {
    let (user, version) = (desk.see::<User>(user_id), desk.version::<User>(user_id));
    user.addresses.iter().find(|known| known.id == address_id).map(|known| address_out(&user, version, known))
}

fn address(id: &str, label: &str, place: Option<&common::Address>, shipping: bool, billing: bool) -> Box<Address> {
    let place = place_in(place.cloned().unwrap_or_default());
    Box::new(Address { id: id.to_owned(), label: label.to_owned(), place, shipping, billing })
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateAddressRequest,
) -> Result<v1::CreateAddressResponse, Problem> {
    let v1::CreateAddressRequest { user_id, address_id, label, address: place, .. } = request;
    let new = address(address_id, label, place.as_ref(), request.default_shipping, request.default_billing);
    tell(desk, user_id, Command::AddAddress(new))?;
    Ok(v1::CreateAddressResponse { address: now(desk, user_id, address_id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateAddressRequest,
) -> Result<v1::UpdateAddressResponse, Problem> {
    let v1::UpdateAddressRequest { user_id, address_id, label, address: place, .. } = request;
    let known = address(address_id, label, place.as_ref(), request.default_shipping, request.default_billing);
    tell(desk, user_id, Command::PutAddress(known))?;
    Ok(v1::UpdateAddressResponse { address: now(desk, user_id, address_id) })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeleteAddressRequest,
) -> Result<v1::DeleteAddressResponse, Problem> {
    let v1::DeleteAddressRequest { user_id, address_id } = request;
    let before = now(desk, user_id, address_id);
    tell(desk, user_id, Command::RemoveAddress(address_id.clone()))?;
    Ok(v1::DeleteAddressResponse { address: before })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetAddressRequest) -> Result<v1::GetAddressResponse, Problem> {
    let (user, version) = (window.see::<User>(&request.user_id), window.version::<User>(&request.user_id));
    must_be_own(&user, window.caller())?;
    let known = user.addresses.iter().find(|known| known.id == request.address_id).ok_or(Refusal::AddressNotFound)?;
    Ok(v1::GetAddressResponse { address: Some(address_out(&user, version, known)) })
}

pub(crate) fn list(
    window: &Window<'_>,
    request: &v1::ListAddressesRequest,
) -> Result<v1::ListAddressesResponse, Problem> {
    let (user, version) = (window.see::<User>(&request.user_id), window.version::<User>(&request.user_id));
    must_be_own(&user, window.caller())?;
    let mut addresses: Vec<&Address> = user.addresses.iter().collect();
    addresses.sort_by_key(|address| (!address.shipping, !address.billing));
    let data = addresses.into_iter().map(|address| address_out(&user, version, address)).collect();
    Ok(v1::ListAddressesResponse { data })
}
