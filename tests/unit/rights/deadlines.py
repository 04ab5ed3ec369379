"""Dates worked out by hand from printed calendars and the laws' texts: what a request is due on, and why."""

from __future__ import annotations

from privet.rights.clock import Place

PLACES = {
    "Berlin": Place("DE", "BE", "Europe/Berlin"),
    "Bavaria": Place("DE", "DE-BY", "Europe/Berlin"),
    "Germany": Place("DE", "", "Europe/Berlin"),
    "France": Place("FR", "", "Europe/Paris"),
    "Spain": Place("ES", "", "Europe/Madrid"),
    "Italy": Place("IT", "", "Europe/Rome"),
    "Poland": Place("PL", "", "Europe/Warsaw"),
    "Netherlands": Place("NL", "", "Europe/Amsterdam"),
    "Portugal": Place("PT", "", "Europe/Lisbon"),
    "Ireland": Place("IE", "", "Europe/Dublin"),
    "Sweden": Place("SE", "", "Europe/Stockholm"),
    "England": Place("GB", "ENG", "Europe/London"),
    "Scotland": Place("GB", "SCT", "Europe/London"),
    "Ulster": Place("GB", "GB-NIR", "Europe/London"),
    "California": Place("US", "CA", "America/Los_Angeles"),
    "US west": Place("US", "", "America/Los_Angeles"),
    "US east": Place("US", "", "America/New_York"),
    "nowhere west": Place("", "", "America/Los_Angeles"),
    "Kiritimati": Place("", "", "Pacific/Kiritimati"),
    "Brazil": Place("BR", "", "America/Sao_Paulo"),
    "Ontario": Place("CA", "ON", "America/Toronto"),
    "Newfoundland": Place("CA", "NL", "America/St_Johns"),
}
# law, kind, received (local, or UTC where it ends in Z), place, due, why. Worked out from printed calendars:
# 2024-01-01 was a Monday, 2025-01-01 a Wednesday, 2026-01-01 a Thursday, 2027-01-01 a Friday, 2028-01-01 a Saturday.
DUE = """
gdpr access 2026-01-13T09:00 Berlin 2026-02-13 a Friday stays
gdpr access 2026-01-14T09:00 Berlin 2026-02-16 the 14th is a Saturday
gdpr access 2026-01-15T09:00 Berlin 2026-02-16 the 15th is a Sunday
gdpr access 2026-01-31T09:00 Berlin 2026-03-02 the last of February is a Saturday
gdpr access 2027-01-31T09:00 Berlin 2027-03-01 the last of February is a Sunday
gdpr access 2024-01-31T09:00 Berlin 2024-02-29 leap year
gdpr access 2024-01-30T09:00 Berlin 2024-02-29 there is no 30th
gdpr access 2024-01-29T09:00 Berlin 2024-02-29 leap year, same date
gdpr access 2023-01-29T09:00 Berlin 2023-02-28 no leap year
gdpr access 2028-02-29T09:00 Berlin 2028-03-29 received on the leap day
gdpr access 2026-03-31T09:00 Berlin 2026-04-30 there is no 31st
gdpr access 2026-08-31T09:00 Berlin 2026-09-30 there is no 31st
gdpr access 2026-04-01T09:00 Berlin 2026-05-04 1 May is a holiday, a Friday
gdpr access 2026-03-03T09:00 Berlin 2026-04-07 Good Friday, weekend, Easter Monday
gdpr access 2026-03-06T09:00 Berlin 2026-04-07 Easter Monday
gdpr access 2025-03-21T09:00 Berlin 2025-04-22 Easter Monday of 2025
gdpr access 2026-03-03T09:00 France 2026-04-03 Good Friday is a working day in most of France
gdpr access 2026-03-06T09:00 France 2026-04-07 Easter Monday
gdpr access 2026-03-03T09:00 Spain 2026-04-06 Good Friday; Easter Monday is no holiday of all Spain
gdpr access 2027-10-01T09:00 Bavaria 2027-11-02 All Saints
gdpr access 2027-10-01T09:00 Berlin 2027-11-01 All Saints is none in Berlin
gdpr access 2028-10-01T09:00 Bavaria 2028-11-02 All Saints
gdpr access 2028-10-01T09:00 Germany 2028-11-01 All Saints is not of all Germany
gdpr access 2027-02-08T09:00 Berlin 2027-03-09 Women's Day in Berlin
gdpr access 2027-02-08T09:00 Bavaria 2027-03-08 Women's Day is none in Bavaria
gdpr access 2026-05-04T09:00 Bavaria 2026-06-05 Corpus Christi
gdpr access 2026-05-04T09:00 Berlin 2026-06-04 Corpus Christi is none in Berlin
gdpr access 2026-12-06T09:00 Bavaria 2027-01-07 Epiphany
gdpr access 2026-12-06T09:00 Berlin 2027-01-06 Epiphany is none in Berlin
gdpr erasure 2026-11-25T09:00 Germany 2026-12-28 Christmas and a weekend
gdpr erasure 2025-11-25T09:00 Germany 2025-12-29 two days of Christmas and a weekend
gdpr erasure 2025-12-01T09:00 Germany 2026-01-02 New Year
gdpr erasure 2026-12-01T09:00 Germany 2027-01-04 New Year and a weekend
gdpr erasure 2026-04-14T09:00 Germany 2026-05-15 Ascension
gdpr erasure 2026-04-25T09:00 Germany 2026-05-26 Whit Monday
gdpr erasure 2025-09-03T09:00 Germany 2025-10-06 Unity Day and a weekend
gdpr erasure 2026-06-14T09:00 France 2026-07-15 14 July
gdpr erasure 2026-10-11T09:00 France 2026-11-12 Armistice
gdpr rectification 2025-03-25T09:00 Italy 2025-04-28 Liberation Day and a weekend
gdpr rectification 2026-05-02T09:00 Italy 2026-06-03 Republic Day
gdpr restriction 2026-10-11T09:00 Poland 2026-11-12 Independence Day
gdpr portability 2026-03-27T09:00 Netherlands 2026-04-28 King's Day
gdpr objection 2026-09-12T09:00 Spain 2026-10-13 National Day
gdpr objection 2028-03-25T09:00 Portugal 2028-04-26 Freedom Day
gdpr objection 2026-02-17T09:00 Ireland 2026-03-18 Saint Patrick
gdpr objection 2028-05-06T09:00 Sweden 2028-06-07 National Day
gdpr access 2024-02-01T03:30Z US_east 2024-02-29 still 31 January in New York
gdpr access 2024-02-01T03:30Z Germany 2024-03-01 1 February in Germany
gdpr access 2027-12-31T11:00Z Kiritimati 2028-02-01 New Year began in Kiritimati
gdpr access 2027-12-31T11:00Z nowhere_west 2028-01-31 still the last of December in Los Angeles
gdpr access 2026-03-29T00:30 Germany 2026-04-29 on the day that summer time begins
gdpr access 2026-10-24T22:30Z Germany 2026-11-25 after midnight in summer time, on its last day
gdpr access 2026-10-24T21:30Z Germany 2026-11-24 before midnight in summer time
gdpr access 2026-07-31T22:30Z Germany 2026-09-01 August has begun there
uk_gdpr access 2018-09-03T09:00 England 2018-10-03 the regulator's own example
uk_gdpr access 2018-03-31T09:00 England 2018-04-30 the regulator's own example
uk_gdpr access 2024-01-31T09:00 England 2024-02-29 leap year
uk_gdpr access 2026-05-31T09:00 England 2026-06-30 there is no 31st
uk_gdpr access 2026-11-25T09:00 England 2026-12-29 Christmas, weekend, Boxing Day's substitute
uk_gdpr access 2026-11-26T09:00 England 2026-12-29 Boxing Day is a Saturday
uk_gdpr access 2027-11-25T09:00 England 2027-12-29 Christmas is a Saturday: two substitutes
uk_gdpr access 2022-11-27T09:00 England 2022-12-28 Christmas was a Sunday: its substitute is Tuesday
uk_gdpr access 2021-12-01T09:00 England 2022-01-04 New Year's substitute
uk_gdpr access 2021-12-01T09:00 Scotland 2022-01-05 two days of New Year, two substitutes
uk_gdpr access 2025-12-02T09:00 Scotland 2026-01-05 2 January is a holiday, a Friday
uk_gdpr access 2025-12-02T09:00 England 2026-01-02 2 January is none in England
uk_gdpr access 2026-03-06T09:00 England 2026-04-07 Easter Monday
uk_gdpr access 2026-03-06T09:00 Scotland 2026-04-06 Easter Monday is none in Scotland
uk_gdpr access 2026-10-30T09:00 Scotland 2026-12-01 Saint Andrew
uk_gdpr access 2026-10-30T09:00 England 2026-11-30 Saint Andrew is none in England
uk_gdpr access 2026-07-31T09:00 England 2026-09-01 summer bank holiday
uk_gdpr access 2026-07-03T09:00 Scotland 2026-08-04 summer bank holiday of Scotland
uk_gdpr access 2026-07-03T09:00 England 2026-08-03 Scotland's is none in England
uk_gdpr access 2026-02-17T09:00 Ulster 2026-03-18 Saint Patrick
uk_gdpr access 2026-06-12T09:00 Ulster 2026-07-14 12 July is a Sunday: substitute
uk_gdpr access 2026-06-12T09:00 England 2026-07-13 12 July is a Sunday
uk_gdpr access 2026-04-04T09:00 England 2026-05-05 early May bank holiday
uk_gdpr access 2020-04-08T09:00 England 2020-05-11 the bank holiday was moved to VE Day, a Friday
uk_gdpr access 2022-05-02T09:00 England 2022-06-06 spring bank holiday and the Jubilee
uk_gdpr access 2022-08-19T09:00 England 2022-09-20 the Queen's funeral
uk_gdpr access 2023-04-08T09:00 England 2023-05-09 the Coronation
uk_gdpr access 2026-03-31T23:30Z England 2026-05-01 April had begun in summer time
ccpa access 2026-01-01T09:00 California 2026-02-15 a Sunday stays
ccpa access 2026-01-02T09:00 California 2026-02-16 a holiday stays
ccpa access 2024-01-15T09:00 California 2024-02-29 leap year
ccpa erasure 2025-01-15T09:00 California 2025-03-01 no leap year
ccpa erasure 2024-02-01T09:00 California 2024-03-17 over a leap day
ccpa rectification 2026-11-17T09:00 California 2027-01-01 New Year stays
ccpa portability 2026-03-08T07:30Z California 2026-04-21 still the day before, before summer time
ccpa portability 2026-03-08T08:30Z California 2026-04-22 the day that summer time begins
ccpa access 2026-07-01T03:00Z California 2026-08-14 still June there
ccpa consent 2026-11-16T09:00 California 2026-12-08 15 business days over Thanksgiving
ccpa objection 2026-12-18T09:00 California 2027-01-12 15 business days over Christmas and New Year
ccpa consent 2026-02-01T09:00 California 2026-02-23 received on a Sunday; Presidents' Day
ccpa consent 2024-02-12T09:00 California 2024-03-05 over Presidents' Day and a leap day; 15 February is a day of work
ccpa consent 2027-12-20T09:00 US_west 2028-01-12 Christmas and New Year are kept on the Fridays before
vcdpa access 2026-05-01T09:00 US_east 2026-06-15 45 days
cpa access 2026-12-01T09:00 US_west 2027-01-15 45 days over New Year
tdpsa erasure 2027-12-15T09:00 US_east 2028-01-29 a Saturday stays
ucpa access 2026-02-28T09:00 US_west 2026-04-14 45 days
ctdpa access 2024-02-29T09:00 US_east 2024-04-14 received on the leap day
njdpa consent 2026-10-31T09:00 US_east 2026-12-15 opting out has the same time
fdbr access 2026-03-01T09:00 US_east 2026-04-15 45 days
icdpa access 2026-01-01T09:00 US_east 2026-04-01 90 days
ocpa access 2026-03-10T09:00 US_west 2026-04-24 21 days of March and 24 of April
mtcdpa erasure 2026-04-16T09:00 US_west 2026-05-31 14 days of April and all of May, a Sunday
dpdpa access 2026-06-17T09:00 US_east 2026-08-01 13 days of June, all of July, and a Saturday stays
nedpa portability 2026-07-17T09:00 US_west 2026-08-31 14 days of July and all of August
nhpa access 2026-08-20T09:00 US_east 2026-10-04 11 days of August, all of September, 4 of October
tipa access 2026-09-16T09:00 US_east 2026-10-31 14 days of September and all of October
mcdpa erasure 2026-10-18T09:00 US_west 2026-12-02 13 days of October, all of November, 2 of December
modpa access 2026-11-17T09:00 US_east 2027-01-01 13 days of November, all of December, and New Year stays
incdpa access 2027-01-15T09:00 US_east 2027-03-01 16 days of January, all of February, 1 of March
kcdpa access 2028-01-15T09:00 US_east 2028-02-29 16 days of January, and all of February with its leap day
ridtppa consent 2026-05-17T09:00 US_east 2026-07-01 14 days of May, all of June, 1 of July
lgpd access 2026-02-02T09:00 Brazil 2026-02-17 Carnival stays
lgpd access 2024-02-20T09:00 Brazil 2024-03-06 leap year
lgpd access 2026-12-20T09:00 Brazil 2027-01-04 over New Year
lgpd access 2026-03-01T02:30Z Brazil 2026-03-15 still February there
lgpd portability 2026-02-02T09:00 Brazil 2026-02-17 no time of its own: as access
hipaa access 2026-01-31T09:00 US_east 2026-03-02 30 days are no month
hipaa access 2024-01-31T09:00 US_east 2024-03-01 leap year
hipaa rectification 2026-06-01T09:00 US_east 2026-07-31 60 days
pipeda access 2026-06-15T09:00 Ontario 2026-07-15 30 days
pipeda access 2026-06-01T09:00 Ontario 2026-07-01 Canada Day stays
pipeda access 2028-02-01T09:00 Ontario 2028-03-02 leap year
pipeda access 2026-06-16T02:15Z Newfoundland 2026-07-15 a quarter to midnight there
"""
EXTENDED = """
gdpr access 2026-01-14T09:00 Berlin 2026-04-14 three months from receipt, not from the 16th
gdpr access 2026-01-31T09:00 Berlin 2026-04-30 not from the last of February
gdpr access 2025-11-30T09:00 Berlin 2026-03-02 the last of February is a Saturday
gdpr access 2023-11-30T09:00 Berlin 2024-02-29 leap year
gdpr access 2026-02-01T09:00 Berlin 2026-05-04 1 May is a holiday
uk_gdpr access 2026-01-06T09:00 England 2026-04-07 Easter Monday
ccpa access 2026-01-01T09:00 California 2026-04-01 90 days from receipt
ccpa access 2024-01-01T09:00 California 2024-03-31 leap year
vcdpa access 2026-05-01T09:00 US_east 2026-07-30 90 days
cpa access 2026-12-01T09:00 US_west 2027-03-01 90 days
tdpsa access 2027-12-15T09:00 US_east 2028-03-14 leap year
fdbr access 2026-03-01T09:00 US_east 2026-04-30 60 days
icdpa access 2026-01-01T09:00 US_east 2026-05-16 135 days
hipaa access 2026-01-31T09:00 US_east 2026-04-01 60 days
hipaa access 2024-01-31T09:00 US_east 2024-03-31 leap year
hipaa rectification 2026-06-01T09:00 US_east 2026-08-30 90 days
pipeda access 2026-06-15T09:00 Ontario 2026-08-14 60 days
"""
CONFIRMED = """
ccpa access 2026-01-03T09:00 California 2026-01-16 received on a Saturday
ccpa access 2026-01-09T09:00 California 2026-01-26 Martin Luther King Day
ccpa access 2026-11-16T09:00 California 2026-12-01 Thanksgiving; the day after is of the state alone
ccpa access 2026-11-16T09:00 US_west 2026-12-01 the day after is none of the United States
ccpa access 2026-11-16T09:00 nowhere_west 2026-11-30 no country, no holidays: earlier
ccpa access 2026-12-18T09:00 California 2027-01-05 Christmas and New Year
ccpa erasure 2026-06-15T09:00 California 2026-06-30 Juneteenth
ccpa erasure 2026-06-26T09:00 US_west 2026-07-13 4 July is a Saturday, kept on Friday
ccpa erasure 2026-11-02T09:00 California 2026-11-17 Veterans Day
ccpa erasure 2026-10-05T09:00 US_west 2026-10-20 Columbus Day
ccpa erasure 2026-10-05T09:00 California 2026-10-19 Columbus Day is none in California
ccpa erasure 2026-03-23T09:00 California 2026-04-06 Cesar Chavez Day is of the state alone
"""
