//! Working days: weekends and public holidays, by Land.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};

/// Whose public holidays count. Written as ISO 3166-2: `DE-HE`; `DE` stands for the days that are
/// holidays in every Land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the Länder explain themselves")]
pub enum Region {
    Nationwide,
    BadenWuerttemberg,
    Bayern,
    Berlin,
    Brandenburg,
    Bremen,
    Hamburg,
    Hessen,
    MecklenburgVorpommern,
    Niedersachsen,
    NordrheinWestfalen,
    RheinlandPfalz,
    Saarland,
    Sachsen,
    SachsenAnhalt,
    SchleswigHolstein,
    Thueringen,
}

impl Region {
    /// Every region.
    pub const ALL: [Region; 17] = [
        Region::Nationwide,
        Region::BadenWuerttemberg,
        Region::Bayern,
        Region::Berlin,
        Region::Brandenburg,
        Region::Bremen,
        Region::Hamburg,
        Region::Hessen,
        Region::MecklenburgVorpommern,
        Region::Niedersachsen,
        Region::NordrheinWestfalen,
        Region::RheinlandPfalz,
        Region::Saarland,
        Region::Sachsen,
        Region::SachsenAnhalt,
        Region::SchleswigHolstein,
        Region::Thueringen,
    ];

    /// The code, such as `DE-HE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Region::Nationwide => "DE",
            Region::BadenWuerttemberg => "DE-BW",
            Region::Bayern => "DE-BY",
            Region::Berlin => "DE-BE",
            Region::Brandenburg => "DE-BB",
            Region::Bremen => "DE-HB",
            Region::Hamburg => "DE-HH",
            Region::Hessen => "DE-HE",
            Region::MecklenburgVorpommern => "DE-MV",
            Region::Niedersachsen => "DE-NI",
            Region::NordrheinWestfalen => "DE-NW",
            Region::RheinlandPfalz => "DE-RP",
            Region::Saarland => "DE-SL",
            Region::Sachsen => "DE-SN",
            Region::SachsenAnhalt => "DE-ST",
            Region::SchleswigHolstein => "DE-SH",
            Region::Thueringen => "DE-TH",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is the code of no region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a region; expected `DE` or a Land such as `DE-HE`")]
pub struct RegionError(String);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|region| region.as_str().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| RegionError(text.chars().take(80).collect()))
    }
}

/// Is `date` a day on which offices in `region` work: Monday to Friday, and no public holiday?
///
/// Christmas Eve and New Year's Eve are working days, as no law says otherwise. Holidays that only
/// some municipalities keep count as working days: Mariä Himmelfahrt in Bayern, Fronleichnam in
/// Sachsen and Thüringen, the Friedensfest in Augsburg.
pub fn is_workday(date: Date, region: &Region) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(date, *region)
}

fn is_holiday(date: Date, region: Region) -> bool {
    use Region::*;
    let year = date.year();
    let from_easter = i32::from(date.day_of_year()) - easter_day_of_year(year);
    // The movable ones. Karfreitag, Ostermontag, Christi Himmelfahrt and Pfingstmontag stand in
    // the holiday law of every Land.
    let movable = match from_easter {
        -2 | 1 | 39 | 50 => true,
        // Fronleichnam: FTG BW § 1, BayFTG Art. 1, HFeiertagsG § 1, Feiertagsgesetz NW § 2,
        // LFtG RP § 2, SFG SL § 2.
        60 => matches!(
            region,
            BadenWuerttemberg | Bayern | Hessen | NordrheinWestfalen | RheinlandPfalz | Saarland
        ),
        _ => false,
    };
    movable
        || match (date.month(), date.day()) {
            // Neujahr, 1. Mai, both days of Christmas: the law of every Land.
            (1, 1) | (5, 1) | (12, 25 | 26) => true,
            // Tag der Deutschen Einheit: Einigungsvertrag Art. 2 Abs. 2, since 1990.
            (10, 3) => year >= 1990,
            // Heilige Drei Könige: FTG BW § 1, BayFTG Art. 1, FeiertG LSA § 2.
            (1, 6) => matches!(region, BadenWuerttemberg | Bayern | SachsenAnhalt),
            // Internationaler Frauentag: FTG BE § 1 since 2019, FTG M-V § 2 since 2023.
            (3, 8) => match region {
                Berlin => year >= 2019,
                MecklenburgVorpommern => year >= 2023,
                _ => false,
            },
            // Tag der Befreiung: FTG BE § 1, for these two years only. (The third such day,
            // 17 June 2028, is a Saturday.)
            (5, 8) => region == Berlin && matches!(year, 2020 | 2025),
            // Mariä Himmelfahrt: SFG SL § 2.
            (8, 15) => region == Saarland,
            // Weltkindertag: ThürFGtG § 2, since 2019.
            (9, 20) => region == Thueringen && year >= 2019,
            // Reformationstag: FTG BB § 2, FTG M-V § 2, SächsSFG § 1, FeiertG LSA § 2, ThürFGtG § 2;
            // since 2018 also the laws of HB, HH, NI and SH; in 2017 everywhere.
            (10, 31) => match region {
                Brandenburg | MecklenburgVorpommern | Sachsen | SachsenAnhalt | Thueringen => true,
                Bremen | Hamburg | Niedersachsen | SchleswigHolstein => year >= 2017,
                _ => year == 2017,
            },
            // Allerheiligen: FTG BW § 1, BayFTG Art. 1, Feiertagsgesetz NW § 2, LFtG RP § 2,
            // SFG SL § 2.
            (11, 1) => matches!(
                region,
                BadenWuerttemberg | Bayern | NordrheinWestfalen | RheinlandPfalz | Saarland
            ),
            // Buß- und Bettag, the Wednesday before 23 November: SächsSFG § 1.
            (11, 16..=22) => region == Sachsen && date.weekday() == Weekday::Wednesday,
            _ => false,
        }
}

/// Easter Sunday as day of the year: the Gregorian computus in the form of Meeus, Jones, Butcher.
fn easter_day_of_year(year: i16) -> i32 {
    let year = i32::from(year);
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let moon_correction = (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let epact =
        (19 * golden + century - century.div_euclid(4) - moon_correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * century.rem_euclid(4) + 2 * (of_century / 4) - epact - of_century % 4)
        .rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let from_march = epact + weekday - 7 * late + 114;
    let (month, day) = (from_march / 31, from_march % 31 + 1);
    let is_leap =
        year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let before_month = if month == 3 { 59 } else { 90 } + i32::from(is_leap);
    before_month + day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn easter_is_where_the_almanac_has_it() {
        for easter in [
            "1961-04-02",
            "1981-04-19",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2019-04-21",
            "2020-04-12",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2038-04-25",
            "2049-04-18",
            "2076-04-19",
        ] {
            let easter = date(easter);
            assert_eq!(
                easter_day_of_year(easter.year()),
                i32::from(easter.day_of_year()),
                "{easter}"
            );
        }
    }

    #[test]
    fn offices_are_closed_on_holidays_of_their_land_only() {
        // date, Länder that keep it ("*": all), on days that are no weekend.
        let table = [
            ("2025-01-01", "*"),
            ("2025-01-06", "BW BY ST"),
            ("2019-03-08", "BE"),
            ("2018-03-08", ""),
            ("2022-03-08", "BE"),
            ("2023-03-08", "BE MV"),
            ("2024-03-29", "*"),
            ("2025-04-18", "*"),
            ("2025-04-21", "*"),
            ("2025-05-01", "*"),
            ("2020-05-08", "BE"),
            ("2025-05-08", "BE"),
            ("2026-05-08", ""),
            ("2024-05-09", "*"),
            ("2025-05-29", "*"),
            ("2025-06-09", "*"),
            ("2025-06-19", "BW BY HE NW RP SL"),
            ("2024-05-30", "BW BY HE NW RP SL"),
            ("2025-08-08", ""),
            ("2025-08-15", "SL"),
            ("2018-09-20", ""),
            ("2019-09-20", "TH"),
            ("2024-09-20", "TH"),
            ("2025-10-03", "*"),
            ("2016-10-31", "BB MV SN ST TH"),
            ("2017-10-31", "*"),
            ("2018-10-31", "BB HB HH MV NI SN SH ST TH"),
            ("2025-10-31", "BB HB HH MV NI SN SH ST TH"),
            ("2024-11-01", "BW BY NW RP SL"),
            ("2024-11-20", "SN"),
            ("2025-11-19", "SN"),
            ("2023-11-22", "SN"),
            ("2022-11-16", "SN"),
            ("2023-11-15", ""),
            ("2025-12-24", ""),
            ("2025-12-25", "*"),
            ("2025-12-26", "*"),
            ("2025-12-31", ""),
            ("2025-06-17", ""),
        ];
        for (day, keepers) in table {
            for region in Region::ALL {
                let land = region.as_str().trim_start_matches("DE-");
                let is_kept = keepers == "*" || keepers.split(' ').any(|keeper| keeper == land);
                assert_eq!(is_workday(date(day), &region), !is_kept, "{day} {region}");
            }
        }
    }

    #[test]
    fn nobody_works_at_the_weekend() {
        for region in Region::ALL {
            assert!(!is_workday(date("2025-06-07"), &region));
            assert!(!is_workday(date("2025-06-08"), &region));
            assert!(is_workday(date("2025-06-06"), &region));
        }
    }

    #[test]
    fn working_days_of_a_year_add_up() {
        // 2025 has 261 weekdays; less the holidays that fall on one, counted by hand.
        for (region, days) in [
            ("DE", 261 - 9),
            ("DE-BE", 261 - 10),
            ("DE-HE", 261 - 10),
            ("DE-BY", 261 - 11),
        ] {
            let region: Region = region.parse().unwrap();
            let all = date("2025-01-01")
                .series(jiff::Span::new().days(1))
                .take(365);
            assert_eq!(
                all.filter(|day| is_workday(*day, &region)).count(),
                days,
                "{region}"
            );
        }
    }

    #[test]
    fn regions_read_as_they_are_written() {
        for region in Region::ALL {
            assert_eq!(region.to_string().parse(), Ok(region));
        }
        assert_eq!(" de-he ".parse(), Ok(Region::Hessen));
        assert!("DE-XX".parse::<Region>().is_err());
        assert!("AT-9".parse::<Region>().is_err());
    }

    #[test]
    fn every_date_there_is_can_be_asked_for() {
        for day in [
            Date::MIN,
            Date::MAX,
            date("0000-02-29"),
            date("-000001-12-25"),
        ] {
            is_workday(day, &Region::Sachsen);
        }
    }
}
