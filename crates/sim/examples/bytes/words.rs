//! People who write, and what they write: names and sentences from word lists, by a seed.
//!
//! For the table of bytes, whose figures hang on how much of a comment repeats others. Words come by Zipf's law (s = 1) in
//! the order of their frequency in English, names from a fixed crowd. Invariant: the same seed gives the same text.

/// Common words, the commonest first, and what people shout at a live video.
const WORDS: &str = "the of and to a in that is was he for it with as his on be at by i this had not are but from or have \
    an they which one you were all her she there would their we him been has when who will no more if out so up said what \
    its about than into them can only other time new some could these two may first then do any like my now over such our \
    man me even most made after also did many off before must well back through years much where your way down should \
    because long each just state those people too mr how little good world make very year still see work life never day \
    love wow lol goal nice amazing haha omg please hello everyone watching from brazil india london tokyo fire best song \
    ever here again great show live stream sound volume camera left right player shot save keeper referee red card yellow \
    penalty half minute score win lose team fans stadium crowd noise music dance guitar drums voice beautiful crazy \
    unbelievable incredible happy birthday welcome first second third game match night morning tonight tomorrow finally \
    remember when think know need want going gonna never stop playing again wait what happened replay slow motion \
    goosebumps tears crying laughing respect legend king queen goat 100 2026 ❤ 🔥 😂 👏 🎉 !!! ??? ... :)";
const FIRST_NAMES: [&str; 24] = [
    "Ann", "Bob", "Carla", "Deniz", "Emma", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Kim", "Lucía", "Mateo", "Nina",
    "Omar", "Priya", "Quentin", "Rosa", "Sven", "Tomás", "Uma", "Viktor", "Wei", "Yuki",
];
const LAST_NAMES: [&str; 16] = [
    "Silva",
    "Müller",
    "Nguyen",
    "Smith",
    "García",
    "Kowalski",
    "Rossi",
    "Tanaka",
    "Okafor",
    "Johnson",
    "Petrov",
    "Andersson",
    "Haddad",
    "Fernández",
    "Lee",
    "Baker",
];
/// People who write.
const AUTHORS: u32 = 20_000;
/// Most words of a comment; half have at most 7.
const WORDS_MAX: u32 = 25;

/// A crowd that writes.
pub(super) struct Writers {
    random: fastrand::Rng,
    words: Vec<&'static str>,
    /// What each word and those before it have of all weights.
    sums: Vec<f64>,
}

impl Writers {
    pub(super) fn new(seed: u64) -> Self {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut sum = 0.0;
        let sums = (1..=words.len()).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self { random: fastrand::Rng::with_seed(seed), sums: sums.collect(), words }
    }

    /// Somebody's id and name.
    pub(super) fn author(&mut self) -> (String, String) {
        let number = self.random.u32(..AUTHORS);
        let pick = |names: &[&'static str], salt: u32| names[(number.wrapping_mul(salt) >> 7) as usize % names.len()];
        let (first, last) = (pick(&FIRST_NAMES, 2_654_435_761), pick(&LAST_NAMES, 2_246_822_519));
        (format!("u{:07}", number * 37 + 1_000_003), format!("{first} {last}"))
    }

    /// What somebody says.
    pub(super) fn body(&mut self) -> String {
        // The smaller of two draws: short comments are common, long ones are there.
        let count = 1 + self.random.u32(..WORDS_MAX).min(self.random.u32(..WORDS_MAX));
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn word(&mut self) -> &'static str {
        let at = self.random.f64() * self.sums[self.sums.len() - 1];
        self.words[self.sums.partition_point(|sum| *sum <= at).min(self.words.len() - 1)]
    }
}
