//! A terminal, because some of the stock CLI's commands refuse to speak to anything else.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::mpsc;
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::run;

/// What the stock CLI asks after each page. Whoever has seen the page need not answer.
const NEXT_PAGE: &str = "Next Page?";

/// What appeared on the terminal, and whether the program ended well.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) ended_well: bool,
}

/// Runs a program at a terminal until it ends, has shown a page, or `enough`; then it is ended.
pub(crate) fn show(command: &mut Command, mut enough: impl FnMut(&str) -> bool) -> Shown {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("the terminal can be used");
    let name = ptsname(&ours, Vec::new()).expect("the terminal has a name");
    let name = name.into_string().expect("its name is text");
    let theirs = || File::options().read(true).write(true).open(&name).expect("its other side opens");
    let mut child = command.stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().expect("the program starts");
    // The command keeps our copies of the other side open; the terminal must close when the program is gone.
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let watch = run::Watch::over(&child, run::WITHIN);
    let shown = screen(ours);
    let mut text = String::new();
    let give_up = Instant::now() + run::WITHIN;
    let mut cut = false;
    while let Ok(more) = shown.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
        text += &String::from_utf8_lossy(&more);
        if text.contains(NEXT_PAGE) || enough(&text) {
            cut = true;
            // It may end at this very moment.
            let _ = child.kill();
            break;
        }
    }
    let status = child.wait().expect("its end can be awaited");
    drop(watch);
    Shown { text: text.replace('\r', ""), ended_well: cut || status.success() }
}

/// What appears on the terminal, read by a thread.
fn screen(terminal: OwnedFd) -> mpsc::Receiver<Vec<u8>> {
    let mut screen = File::from(terminal);
    let (out, shown) = mpsc::channel();
    std::thread::spawn(move || {
        let mut some = [0; 4096];
        // Reading fails when the last program on the other side has gone.
        while let Ok(length @ 1..) = screen.read(&mut some) {
            if out.send(some[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}
