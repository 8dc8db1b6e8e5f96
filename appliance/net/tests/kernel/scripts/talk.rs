//! One run of a script against one subject, and its record.

use std::time::Duration;

use super::super::harness::frames::Tcp;
use super::super::harness::peer::{OUR_PORT, PEER_PORT, pattern};
use super::segment::{Numbers, Segment, ack, describe, segment, syn};
use super::subject::Subject;

/// Long enough for what is answered at once, and shorter than any timer.
const AT_ONCE: Duration = Duration::from_millis(5);
/// Longer than either delays an acknowledgement here.
const DELAYED: Duration = Duration::from_millis(60);

/// Something a script did, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub action: String,
    pub answers: Vec<String>,
}

pub struct Talk {
    subject: Box<dyn Subject>,
    numbers: Numbers,
    /// Whether the peer's segments have timestamps; each is a tick after the
    /// last.
    timestamps: bool,
    ticks: i32,
    pub steps: Vec<Step>,
}

impl Talk {
    pub fn new(subject: Box<dyn Subject>) -> Self {
        Self {
            subject,
            numbers: Numbers {
                subject_port: OUR_PORT,
                peer_port: PEER_PORT,
                ..Numbers::default()
            },
            timestamps: false,
            ticks: 0,
            steps: Vec::new(),
        }
    }

    pub fn listen(&mut self) {
        self.subject.listen();
    }

    /// The subject connects.
    pub fn connect(&mut self) {
        self.subject.connect();
        self.note("connect", AT_ONCE);
    }

    /// Brings a connection that the peer opens with `syn` to ESTABLISHED.
    pub fn accept_with(&mut self, syn: Segment) {
        self.listen();
        self.timestamps = syn.ticks.is_some();
        let window = syn.window;
        self.send(syn);
        self.send(Segment { window, ..ack(1) });
    }

    /// A connection without options.
    pub fn accept(&mut self) {
        self.accept_with(syn());
    }

    /// A connection with selective acknowledgements.
    pub fn accept_sack(&mut self) {
        self.accept_with(Segment {
            sack_permitted: true,
            ..syn()
        });
    }

    /// A connection with timestamps.
    pub fn accept_timestamps(&mut self) {
        self.accept_with(Segment {
            ticks: Some(0),
            ..syn()
        });
    }

    pub fn send(&mut self, segment: Segment) {
        let ticks = self.timestamps.then_some(self.ticks);
        self.ticks += 1;
        self.send_as_is(Segment {
            ticks: segment.ticks.or(ticks),
            ..segment
        });
    }

    /// Without a timestamp unless the segment names one.
    pub fn send_as_is(&mut self, segment: Segment) {
        self.subject.inject(segment.frame(&self.numbers));
        let time = if segment.len > 0 { DELAYED } else { AT_ONCE };
        self.note(&format!("send {segment}"), time);
    }

    /// The subject's application writes.
    pub fn write(&mut self, len: usize) {
        self.subject.write(&pattern(len));
        self.note(&format!("write {len}"), AT_ONCE);
    }

    pub fn shut_down(&mut self) {
        self.subject.shut_down();
        self.note("shut down", AT_ONCE);
    }

    /// The subject's application reads all there is.
    pub fn read(&mut self) {
        let heard = format!("{:?}", self.subject.read());
        self.note("read", AT_ONCE);
        if let Some(step) = self.steps.last_mut() {
            step.answers.push(heard);
        }
    }

    pub fn wait(&mut self, milliseconds: u64) {
        let time = Duration::from_millis(milliseconds);
        self.note(&format!("wait {milliseconds} ms"), time);
    }

    /// The peer closes its half.
    pub fn send_fin(&mut self, seq: u32, ack: u32) {
        self.send(segment("F.", seq, ack));
    }

    fn note(&mut self, action: &str, time: Duration) {
        let segments = self.subject.wait(time);
        let answers = segments.iter().map(|tcp| self.take(tcp)).collect();
        self.steps.push(Step {
            action: action.into(),
            answers,
        });
    }

    fn take(&mut self, tcp: &Tcp) -> String {
        self.numbers.subject_port = tcp.from;
        if tcp.has('S') {
            self.numbers.subject_initial = tcp.seq;
        }
        if let Some((value, _)) = tcp.timestamps {
            self.numbers.subject_clock = value;
        }
        describe(tcp, &self.numbers)
    }
}
