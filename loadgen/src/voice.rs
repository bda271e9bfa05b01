//! How a crowd speaks: under which names its viewers write, and in which words.
//!
//! Between the book, which numbers what is written, and what others read. Invariant: a comment of this crowd is found again
//! by its body.

use std::collections::HashMap;

use crate::random::Random;

/// First names of people who watch.
const NAMES: [&str; 40] = [
    "Ada", "Amara", "Ben", "Bruno", "Carmen", "Chen", "Dara", "Diego", "Elif", "Emil", "Esra", "Femi", "Greta", "Hana",
    "Henrik", "Ida", "Ines", "Ivo", "Jana", "José", "Kai", "Kofi", "Lena", "Liam", "Luca", "Maja", "Malik", "Mina",
    "Nadia", "Noor", "Olga", "Omar", "Paula", "Priya", "Rosa", "Sami", "Tariq", "Ülkü", "Vera", "Yuki",
];

/// Letters that second names begin with.
const INITIALS: [char; 20] =
    ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'R', 'S', 'T', 'V', 'W'];

/// What people say first, if anything.
const OPENINGS: [&str; 10] = ["", "", "", "", "wow, ", "haha, ", "honestly, ", "same here, ", "hello all, ", "ok, "];

/// What people say while they watch a river.
const REMARKS: [&str; 48] = [
    "this is so calming",
    "is that river real?",
    "greetings from Lisbon",
    "greetings from Nairobi",
    "greetings from Busan",
    "who else is here for the second half?",
    "the sound is much better today",
    "can somebody say what I missed?",
    "first time here, this is lovely",
    "that was worth staying up for",
    "my cat is watching too",
    "the light on those hills",
    "I could watch this all day",
    "how many of us are here now?",
    "it never lags, how do they do it",
    "someone pin that question please",
    "best stream of the week",
    "where does all that water come from?",
    "I just told three friends to come",
    "that part gave me goosebumps",
    "can we see it from the other side?",
    "the heron is back!",
    "I missed the start, is there a recording?",
    "thank you for doing this",
    "this needs more likes",
    "agree with the one above",
    "no way, that is exactly what I thought",
    "what is the music called?",
    "good question, I wonder too",
    "I am learning so much",
    "half past nine here and still going",
    "please do this every week",
    "the comments are the best part",
    "somebody explain it like I am five",
    "there it is",
    "look at the left bank",
    "that made my day",
    "I did not expect that",
    "hi mum",
    "watching on the train, works fine",
    "so many springs, one river",
    "it all comes together in the end",
    "can you slow down a little?",
    "louder please",
    "beautiful",
    "again, again!",
    "I have to go, keep it warm for me",
    "one more question: why now?",
];

/// What people say last, if anything.
const ENDINGS: [&str; 6] = ["", "", "", " :)", " ❤", " …"];

/// See the head of the file.
pub(crate) enum Voice {
    /// Bodies begin with this and a number, so that each is another.
    Numbers { marker: String },
    /// Names and words of people; the last comment of each body.
    People { said: HashMap<String, usize> },
}

impl Voice {
    /// For viewers whose ids begin with `prefix`.
    pub(crate) fn new(people: bool, prefix: &str) -> Self {
        if people { Self::People { said: HashMap::new() } } else { Self::Numbers { marker: prefix.to_owned() } }
    }

    /// How a viewer signs, by its number and id.
    pub(crate) fn name(&self, viewer: usize, id: &str) -> String {
        match self {
            Self::Numbers { .. } => id.to_owned(),
            Self::People { .. } => {
                let (first, initial) = (NAMES[viewer % NAMES.len()], INITIALS[viewer / NAMES.len() % INITIALS.len()]);
                if viewer < NAMES.len() { first.to_owned() } else { format!("{first} {initial}.") }
            }
        }
    }

    /// The body of a comment of this number.
    pub(crate) fn say(&mut self, number: usize, random: &mut Random) -> String {
        match self {
            Self::Numbers { marker } => format!("{marker}{number} hello from the crowd"),
            Self::People { said } => {
                let mut one = |of: &'static [&'static str]| of[random.below(of.len() as u64) as usize];
                let body = format!("{}{}{}", one(&OPENINGS), one(&REMARKS), one(&ENDINGS));
                said.insert(body.clone(), number);
                body
            }
        }
    }

    /// The number of the last comment with this body.
    pub(crate) fn number_of(&self, body: &str) -> Option<usize> {
        match self {
            Self::Numbers { marker } => body.strip_prefix(marker)?.split(' ').next()?.parse().ok(),
            Self::People { said } => said.get(body).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_said_is_found_again() {
        for people in [false, true] {
            let (mut voice, mut random) = (Voice::new(people, "lg1-"), Random::new(7));
            for number in 0..100 {
                let body = voice.say(number, &mut random);
                assert_eq!(voice.number_of(&body), Some(number), "{body}");
            }
            assert_eq!(voice.number_of("something else"), None);
        }
    }

    #[test]
    fn eight_hundred_people_have_names_of_their_own() {
        let voice = Voice::new(true, "lg1-");
        let names: BTreeSet<String> = (0..800).map(|viewer| voice.name(viewer, "lg1-0")).collect();
        assert!(names.len() >= 800, "{}", names.len());
        assert_eq!(Voice::new(false, "lg1-").name(3, "lg1-3"), "lg1-3");
    }
}
