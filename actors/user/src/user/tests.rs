//! Every state meets every command.

use expect_test::expect;
use runtime::entity::testing::{decide, fold, moment};

use super::*;

fn newcomer() -> Box<Newcomer> {
    Box::new(Newcomer {
        email: "sealed".into(),
        email_id: "eml".into(),
        profile: Profile { name: "Ada".into(), phone: String::new(), locale: "en".into() },
        password_hash: "hash".into(),
        ..Newcomer::default()
    })
}

fn event(what: What) -> Event {
    Event { id: "ada".into(), at: moment(10), what }
}

fn standing(status: Status) -> Box<Standing> {
    let (email, name, locale) = ("sealed".into(), "Ada".into(), "en".into());
    Box::new(Standing { email, name, locale, status, ..Standing::default() })
}

fn sending(hash: &str) -> Sending {
    Sending { hash: hash.into(), secret: "sealed".into(), expires_at: moment(1_000) }
}

fn letter(hash: &str) -> Box<Letter> {
    Box::new(Letter { sending: sending(hash), ..Letter::default() })
}

fn address(id: &str, line1: &str, shipping: bool) -> Box<Address> {
    let place = Place { line1: line1.into(), ..Place::default() };
    Box::new(Address { id: id.into(), label: String::new(), place, shipping, billing: false })
}

fn consent(granted: bool) -> Command {
    Command::PutConsent { purpose: "newsletter".into(), granted, wording: "1".into() }
}

/// The stages of a life, each with the one before.
fn states() -> Vec<(&'static str, Vec<Event>)> {
    let registered = vec![event(What::Registered(newcomer()))];
    let and = |before: &[Event], more: Vec<What>| [before, &more.into_iter().map(event).collect::<Vec<_>>()].concat();
    let active = and(&registered, vec![What::Created(standing(Status::Active))]);
    let full = and(
        &active,
        vec![
            What::VerificationIssued(letter("verify")),
            What::ResetIssued(letter("reset")),
            What::AddressPut(address("home", "1", true)),
            What::ConsentGiven(Consent {
                purpose: "newsletter".into(),
                granted: true,
                wording: "1".into(),
                at: moment(10),
            }),
            What::MfaBegun("sealed".into()),
        ],
    );
    let guarded = and(&full, vec![What::EmailVerified, What::MfaEnabled(7, vec!["one".into(), "two".into()])]);
    let locked = and(&active, vec![What::Updated(standing(Status::Locked), Change::Locked)]);
    let deleted = and(&guarded, vec![What::Deleted]);
    vec![
        ("unknown", vec![]),
        ("pending", registered),
        ("active", active),
        ("full", full),
        ("guarded", guarded),
        ("locked", locked),
        ("deleted", deleted),
    ]
}

fn commands() -> Vec<(&'static str, Command)> {
    vec![
        ("create", Command::Create("ada".into(), newcomer())),
        ("activate", Command::Activate),
        ("update", Command::Update(Profile { name: "Eve".into(), ..Profile::default() }, vec![])),
        ("delete", Command::Delete),
        ("send verification", Command::IssueVerification(sending("new"))),
        ("verify e-mail", Command::VerifyEmail("verify".into())),
        ("verify e-mail wrongly", Command::VerifyEmail("other".into())),
        ("send reset", Command::IssueReset(sending("new"))),
        ("set by old", Command::SetPassword("new".into(), By::Old("hash".into()))),
        ("set by wrong old", Command::SetPassword("new".into(), By::Old("other".into()))),
        ("rehash", Command::SetPassword("new".into(), By::Rehash("hash".into()))),
        ("rehash another", Command::SetPassword("new".into(), By::Rehash("other".into()))),
        ("set by secret", Command::SetPassword("new".into(), By::Ticket("reset".into()))),
        ("set by wrong secret", Command::SetPassword("new".into(), By::Ticket("other".into()))),
        ("begin codes", Command::BeginMfa("sealed".into())),
        ("enable codes", Command::EnableMfa(8, vec!["three".into()])),
        ("use code", Command::UseCode(8)),
        ("use old code", Command::UseCode(7)),
        ("use recovery", Command::UseRecovery("one".into())),
        ("use wrong recovery", Command::UseRecovery("none".into())),
        ("renew recovery", Command::RenewRecovery(vec!["three".into()])),
        ("disable codes", Command::DisableMfa),
        ("add address", Command::AddAddress(address("work", "2", false))),
        ("put address", Command::PutAddress(address("home", "3", true))),
        ("put same address", Command::PutAddress(address("home", "1", true))),
        ("remove address", Command::RemoveAddress("home".into())),
        ("allow", consent(true)),
        ("forbid", consent(false)),
        ("role", Command::PutRole(Role::Support)),
        ("same role", Command::PutRole(Role::Customer)),
        ("standing", Command::PutStanding(Tier::Premium, "wholesale".into())),
        ("lock", Command::Lock),
        ("unlock", Command::Unlock),
        ("earn", Command::Earn("ord".into(), 5, 0)),
        ("earn nothing", Command::Earn("ord".into(), 0, 0)),
    ]
}

fn said(what: &What) -> String {
    let whole = format!("{what:?}");
    let name = whole.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
    match what {
        What::Updated(standing, _) => format!("{name} {:?} {:?} {:?}", standing.status, standing.role, standing.tier),
        What::PasswordChanged(_, how) => format!("{name} {how:?}"),
        What::AddressPut(address) => format!("{name} {}{}", address.id, if address.shipping { " default" } else { "" }),
        What::CodeUsed { step, recovery } => format!("{name} {step:?} {recovery:?}"),
        What::ConsentGiven(consent) => format!("{name} {}", consent.granted),
        What::PointsEarned { balance, .. } => format!("{name} {balance}"),
        _ => name,
    }
}

#[test]
fn every_state_answers_every_command() {
    let mut table = String::new();
    for (command, _) in commands() {
        table += &format!("{command}\n");
        for (state, given) in states() {
            let (_, when) = commands().into_iter().find(|(name, _)| *name == command).expect("a command");
            let answer = match decide::<User>(&given, when) {
                Ok(events) if events.is_empty() => "already so".to_owned(),
                Ok(events) => events.iter().map(|event| said(&event.what)).collect::<Vec<_>>().join(", "),
                Err(refusal) => format!("refused: {refusal:?}"),
            };
            table += &format!("    {state}: {answer}\n");
        }
    }
    expect![[r#"
        create
            unknown: Registered
            pending: refused: AlreadyExists
            active: refused: AlreadyExists
            full: refused: AlreadyExists
            guarded: refused: AlreadyExists
            locked: refused: AlreadyExists
            deleted: refused: AlreadyExists
        activate
            unknown: already so
            pending: Created
            active: already so
            full: already so
            guarded: already so
            locked: already so
            deleted: already so
        update
            unknown: refused: NotFound
            pending: ProfileUpdated
            active: ProfileUpdated
            full: ProfileUpdated
            guarded: ProfileUpdated
            locked: ProfileUpdated
            deleted: refused: NotFound
        delete
            unknown: refused: NotFound
            pending: Deleted
            active: Deleted
            full: Deleted
            guarded: Deleted
            locked: Deleted
            deleted: already so
        send verification
            unknown: refused: NotFound
            pending: VerificationIssued
            active: VerificationIssued
            full: VerificationIssued
            guarded: already so
            locked: VerificationIssued
            deleted: refused: NotFound
        verify e-mail
            unknown: refused: InvalidToken
            pending: refused: InvalidToken
            active: refused: InvalidToken
            full: EmailVerified
            guarded: already so
            locked: refused: InvalidToken
            deleted: refused: InvalidToken
        verify e-mail wrongly
            unknown: refused: InvalidToken
            pending: refused: InvalidToken
            active: refused: InvalidToken
            full: refused: InvalidToken
            guarded: refused: InvalidToken
            locked: refused: InvalidToken
            deleted: refused: InvalidToken
        send reset
            unknown: already so
            pending: ResetIssued
            active: ResetIssued
            full: ResetIssued
            guarded: ResetIssued
            locked: ResetIssued
            deleted: already so
        set by old
            unknown: refused: NotFound
            pending: PasswordChanged Changed
            active: PasswordChanged Changed
            full: PasswordChanged Changed
            guarded: PasswordChanged Changed
            locked: PasswordChanged Changed
            deleted: refused: NotFound
        set by wrong old
            unknown: refused: NotFound
            pending: refused: WrongPassword
            active: refused: WrongPassword
            full: refused: WrongPassword
            guarded: refused: WrongPassword
            locked: refused: WrongPassword
            deleted: refused: NotFound
        rehash
            unknown: refused: NotFound
            pending: PasswordChanged Rehashed
            active: PasswordChanged Rehashed
            full: PasswordChanged Rehashed
            guarded: PasswordChanged Rehashed
            locked: PasswordChanged Rehashed
            deleted: refused: NotFound
        rehash another
            unknown: refused: NotFound
            pending: already so
            active: already so
            full: already so
            guarded: already so
            locked: already so
            deleted: refused: NotFound
        set by secret
            unknown: refused: InvalidToken
            pending: refused: InvalidToken
            active: refused: InvalidToken
            full: PasswordChanged Reset, EmailVerified
            guarded: PasswordChanged Reset
            locked: refused: InvalidToken
            deleted: refused: InvalidToken
        set by wrong secret
            unknown: refused: InvalidToken
            pending: refused: InvalidToken
            active: refused: InvalidToken
            full: refused: InvalidToken
            guarded: refused: InvalidToken
            locked: refused: InvalidToken
            deleted: refused: InvalidToken
        begin codes
            unknown: refused: NotFound
            pending: refused: Inactive
            active: MfaBegun
            full: MfaBegun
            guarded: refused: MfaOn
            locked: refused: Inactive
            deleted: refused: NotFound
        enable codes
            unknown: refused: NotFound
            pending: refused: MfaNotBegun
            active: refused: MfaNotBegun
            full: MfaEnabled
            guarded: refused: MfaOn
            locked: refused: MfaNotBegun
            deleted: refused: NotFound
        use code
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: CodeUsed Some(8) None
            locked: refused: MfaOff
            deleted: refused: NotFound
        use old code
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: refused: InvalidCode
            locked: refused: MfaOff
            deleted: refused: NotFound
        use recovery
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: CodeUsed None Some("one")
            locked: refused: MfaOff
            deleted: refused: NotFound
        use wrong recovery
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: refused: InvalidCode
            locked: refused: MfaOff
            deleted: refused: NotFound
        renew recovery
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: RecoveryRenewed
            locked: refused: MfaOff
            deleted: refused: NotFound
        disable codes
            unknown: refused: NotFound
            pending: refused: MfaOff
            active: refused: MfaOff
            full: refused: MfaOff
            guarded: MfaDisabled
            locked: refused: MfaOff
            deleted: refused: NotFound
        add address
            unknown: refused: NotFound
            pending: AddressPut work default
            active: AddressPut work default
            full: AddressPut work
            guarded: AddressPut work
            locked: AddressPut work default
            deleted: refused: NotFound
        put address
            unknown: refused: NotFound
            pending: refused: AddressNotFound
            active: refused: AddressNotFound
            full: AddressPut home default
            guarded: AddressPut home default
            locked: refused: AddressNotFound
            deleted: refused: NotFound
        put same address
            unknown: refused: NotFound
            pending: refused: AddressNotFound
            active: refused: AddressNotFound
            full: already so
            guarded: already so
            locked: refused: AddressNotFound
            deleted: refused: NotFound
        remove address
            unknown: refused: NotFound
            pending: refused: AddressNotFound
            active: refused: AddressNotFound
            full: AddressRemoved
            guarded: AddressRemoved
            locked: refused: AddressNotFound
            deleted: refused: NotFound
        allow
            unknown: refused: NotFound
            pending: ConsentGiven true
            active: ConsentGiven true
            full: already so
            guarded: already so
            locked: ConsentGiven true
            deleted: refused: NotFound
        forbid
            unknown: refused: NotFound
            pending: ConsentGiven false
            active: ConsentGiven false
            full: ConsentGiven false
            guarded: ConsentGiven false
            locked: ConsentGiven false
            deleted: refused: NotFound
        role
            unknown: refused: NotFound
            pending: refused: Inactive
            active: Updated Active Support Standard
            full: Updated Active Support Standard
            guarded: Updated Active Support Standard
            locked: Updated Locked Support Standard
            deleted: refused: NotFound
        same role
            unknown: refused: NotFound
            pending: refused: Inactive
            active: already so
            full: already so
            guarded: already so
            locked: already so
            deleted: refused: NotFound
        standing
            unknown: refused: NotFound
            pending: refused: Inactive
            active: Updated Active Customer Premium
            full: Updated Active Customer Premium
            guarded: Updated Active Customer Premium
            locked: Updated Locked Customer Premium
            deleted: refused: NotFound
        lock
            unknown: refused: NotFound
            pending: refused: Inactive
            active: Updated Locked Customer Standard
            full: Updated Locked Customer Standard
            guarded: Updated Locked Customer Standard
            locked: already so
            deleted: refused: NotFound
        unlock
            unknown: refused: NotFound
            pending: refused: Inactive
            active: already so
            full: already so
            guarded: already so
            locked: Updated Active Customer Standard
            deleted: refused: NotFound
        earn
            unknown: already so
            pending: PointsEarned 5
            active: PointsEarned 5
            full: PointsEarned 5
            guarded: PointsEarned 5
            locked: PointsEarned 5
            deleted: already so
        earn nothing
            unknown: already so
            pending: already so
            active: already so
            full: already so
            guarded: already so
            locked: already so
            deleted: already so
    "#]]
    .assert_eq(&table);
}

#[test]
fn nothing_personal_is_left_of_an_account_that_is_gone() {
    let (_, deleted) = states().pop().expect("states");
    let user = fold::<User>(&deleted);
    let (id, status) = ("ada".to_owned(), Status::Deleted);
    assert_eq!(user, User { id, status, created_at: moment(10), updated_at: moment(10), ..User::default() });
}

#[test]
fn a_secret_is_good_once_and_not_for_ever() {
    let (_, full) = states().remove(3);
    let late = |command: Command| {
        let facts = runtime::entity::testing::facts(moment(1_000));
        fold::<User>(&full).decide(command, &facts).map(|events| events.len())
    };
    assert_eq!(late(Command::VerifyEmail("verify".into())), Err(Refusal::InvalidToken));
    assert_eq!(late(Command::SetPassword("new".into(), By::Ticket("reset".into()))), Err(Refusal::InvalidToken));
    let reset = Command::SetPassword("new".into(), By::Ticket("reset".into()));
    let happened = decide::<User>(&full, reset.clone()).expect("good");
    let after = [&full[..], &happened].concat();
    assert_eq!(decide::<User>(&after, reset), Err(Refusal::InvalidToken));
}

#[test]
fn nobodys_mailbox_is_filled() {
    let (_, mut full) = states().remove(3);
    full.push(Event { id: "ada".into(), at: moment(90), what: What::ResetIssued(letter("now")) });
    assert_eq!(decide::<User>(&full, Command::IssueReset(sending("again"))), Ok(vec![]), "ten seconds later");
    full.push(Event { id: "ada".into(), at: moment(40), what: What::ResetIssued(letter("then")) });
    assert!(decide::<User>(&full, Command::IssueReset(sending("again"))).is_ok_and(|events| events.len() == 1));
}

#[test]
fn a_code_is_used_up_and_so_is_a_recovery_code() {
    let (_, mut guarded) = states().remove(4);
    guarded.push(event(What::CodeUsed { step: Some(8), recovery: None }));
    assert_eq!(decide::<User>(&guarded, Command::UseCode(8)), Err(Refusal::InvalidCode));
    assert!(decide::<User>(&guarded, Command::UseCode(9)).is_ok());
    guarded.push(event(What::CodeUsed { step: None, recovery: Some("one".into()) }));
    assert_eq!(decide::<User>(&guarded, Command::UseRecovery("one".into())), Err(Refusal::InvalidCode));
    assert_eq!(fold::<User>(&guarded).recovery_left(), 1);
}

#[test]
fn a_book_has_one_default_and_an_end() {
    let (_, active) = states().remove(2);
    let first = decide::<User>(&active, Command::AddAddress(address("a0", "0", false))).expect("room");
    let mut events = [&active[..], &first].concat();
    assert!(fold::<User>(&events).addresses[0].shipping, "the first is the default");
    for n in 1..ADDRESSES_MAX {
        events.push(event(What::AddressPut(address(&format!("a{n}"), "x", n == 3))));
    }
    let user = fold::<User>(&events);
    let defaults: Vec<&str> = user.addresses.iter().filter(|a| a.shipping).map(|a| a.id.as_str()).collect();
    assert_eq!(defaults, ["a3"]);
    assert_eq!(
        decide::<User>(&events, Command::AddAddress(address("more", "x", false))),
        Err(Refusal::TooManyAddresses)
    );
    assert_eq!(decide::<User>(&events, Command::AddAddress(address("a3", "x", true))), Ok(vec![]), "the same again");
}

#[test]
fn so_many_consents_are_remembered() {
    let (_, mut active) = states().remove(2);
    let given = |purpose: String| What::ConsentGiven(Consent { purpose, granted: true, ..Consent::default() });
    active.extend((0..CONSENTS_MAX).map(|n| event(given(format!("p{n}")))));
    assert_eq!(decide::<User>(&active, consent(true)), Err(Refusal::TooManyConsents));
}
