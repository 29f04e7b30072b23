"""Conversions between units, one function for each direction."""


# Length, in units of a metre.


def inch_to_metre(value):
    """Return how many metres a number of inchs is.

    A inch is 0.0254 metres.
    """
    if value < 0:
        raise ValueError("a inch is not negative")
    return value * 0.0254


def metre_to_inch(value):
    """Return how many inchs a number of metres is.

    A inch is 0.0254 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 0.0254


def is_more_than_a_inch(value) -> bool:
    """Return whether a number of metres is more than one inch.

    A inch is 0.0254 metres.
    """
    return metre_to_inch(value) > 1


def foot_to_metre(value):
    """Return how many metres a number of foots is.

    A foot is 0.3048 metres.
    """
    if value < 0:
        raise ValueError("a foot is not negative")
    return value * 0.3048


def metre_to_foot(value):
    """Return how many foots a number of metres is.

    A foot is 0.3048 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 0.3048


def is_more_than_a_foot(value) -> bool:
    """Return whether a number of metres is more than one foot.

    A foot is 0.3048 metres.
    """
    return metre_to_foot(value) > 1


def yard_to_metre(value):
    """Return how many metres a number of yards is.

    A yard is 0.9144 metres.
    """
    if value < 0:
        raise ValueError("a yard is not negative")
    return value * 0.9144


def metre_to_yard(value):
    """Return how many yards a number of metres is.

    A yard is 0.9144 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 0.9144


def is_more_than_a_yard(value) -> bool:
    """Return whether a number of metres is more than one yard.

    A yard is 0.9144 metres.
    """
    return metre_to_yard(value) > 1


def mile_to_metre(value):
    """Return how many metres a number of miles is.

    A mile is 1609.344 metres.
    """
    if value < 0:
        raise ValueError("a mile is not negative")
    return value * 1609.344


def metre_to_mile(value):
    """Return how many miles a number of metres is.

    A mile is 1609.344 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 1609.344


def is_more_than_a_mile(value) -> bool:
    """Return whether a number of metres is more than one mile.

    A mile is 1609.344 metres.
    """
    return metre_to_mile(value) > 1


def furlong_to_metre(value):
    """Return how many metres a number of furlongs is.

    A furlong is 201.168 metres.
    """
    if value < 0:
        raise ValueError("a furlong is not negative")
    return value * 201.168


def metre_to_furlong(value):
    """Return how many furlongs a number of metres is.

    A furlong is 201.168 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 201.168


def is_more_than_a_furlong(value) -> bool:
    """Return whether a number of metres is more than one furlong.

    A furlong is 201.168 metres.
    """
    return metre_to_furlong(value) > 1


def chain_to_metre(value):
    """Return how many metres a number of chains is.

    A chain is 20.1168 metres.
    """
    if value < 0:
        raise ValueError("a chain is not negative")
    return value * 20.1168


def metre_to_chain(value):
    """Return how many chains a number of metres is.

    A chain is 20.1168 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 20.1168


def is_more_than_a_chain(value) -> bool:
    """Return whether a number of metres is more than one chain.

    A chain is 20.1168 metres.
    """
    return metre_to_chain(value) > 1


def rod_to_metre(value):
    """Return how many metres a number of rods is.

    A rod is 5.0292 metres.
    """
    if value < 0:
        raise ValueError("a rod is not negative")
    return value * 5.0292


def metre_to_rod(value):
    """Return how many rods a number of metres is.

    A rod is 5.0292 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 5.0292


def is_more_than_a_rod(value) -> bool:
    """Return whether a number of metres is more than one rod.

    A rod is 5.0292 metres.
    """
    return metre_to_rod(value) > 1


def fathom_to_metre(value):
    """Return how many metres a number of fathoms is.

    A fathom is 1.8288 metres.
    """
    if value < 0:
        raise ValueError("a fathom is not negative")
    return value * 1.8288


def metre_to_fathom(value):
    """Return how many fathoms a number of metres is.

    A fathom is 1.8288 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 1.8288


def is_more_than_a_fathom(value) -> bool:
    """Return whether a number of metres is more than one fathom.

    A fathom is 1.8288 metres.
    """
    return metre_to_fathom(value) > 1


def league_to_metre(value):
    """Return how many metres a number of leagues is.

    A league is 4828.032 metres.
    """
    if value < 0:
        raise ValueError("a league is not negative")
    return value * 4828.032


def metre_to_league(value):
    """Return how many leagues a number of metres is.

    A league is 4828.032 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 4828.032


def is_more_than_a_league(value) -> bool:
    """Return whether a number of metres is more than one league.

    A league is 4828.032 metres.
    """
    return metre_to_league(value) > 1


def cable_to_metre(value):
    """Return how many metres a number of cables is.

    A cable is 185.2 metres.
    """
    if value < 0:
        raise ValueError("a cable is not negative")
    return value * 185.2


def metre_to_cable(value):
    """Return how many cables a number of metres is.

    A cable is 185.2 metres.
    """
    if value < 0:
        raise ValueError("a metre is not negative")
    return value / 185.2


def is_more_than_a_cable(value) -> bool:
    """Return whether a number of metres is more than one cable.

    A cable is 185.2 metres.
    """
    return metre_to_cable(value) > 1


# Mass, in units of a gram.


def grain_to_gram(value):
    """Return how many grams a number of grains is.

    A grain is 0.06479891 grams.
    """
    if value < 0:
        raise ValueError("a grain is not negative")
    return value * 0.06479891


def gram_to_grain(value):
    """Return how many grains a number of grams is.

    A grain is 0.06479891 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 0.06479891


def is_more_than_a_grain(value) -> bool:
    """Return whether a number of grams is more than one grain.

    A grain is 0.06479891 grams.
    """
    return gram_to_grain(value) > 1


def dram_to_gram(value):
    """Return how many grams a number of drams is.

    A dram is 1.7718451953125 grams.
    """
    if value < 0:
        raise ValueError("a dram is not negative")
    return value * 1.7718451953125


def gram_to_dram(value):
    """Return how many drams a number of grams is.

    A dram is 1.7718451953125 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 1.7718451953125


def is_more_than_a_dram(value) -> bool:
    """Return whether a number of grams is more than one dram.

    A dram is 1.7718451953125 grams.
    """
    return gram_to_dram(value) > 1


def ounce_to_gram(value):
    """Return how many grams a number of ounces is.

    A ounce is 28.349523125 grams.
    """
    if value < 0:
        raise ValueError("a ounce is not negative")
    return value * 28.349523125


def gram_to_ounce(value):
    """Return how many ounces a number of grams is.

    A ounce is 28.349523125 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 28.349523125


def is_more_than_a_ounce(value) -> bool:
    """Return whether a number of grams is more than one ounce.

    A ounce is 28.349523125 grams.
    """
    return gram_to_ounce(value) > 1


def pound_to_gram(value):
    """Return how many grams a number of pounds is.

    A pound is 453.59237 grams.
    """
    if value < 0:
        raise ValueError("a pound is not negative")
    return value * 453.59237


def gram_to_pound(value):
    """Return how many pounds a number of grams is.

    A pound is 453.59237 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 453.59237


def is_more_than_a_pound(value) -> bool:
    """Return whether a number of grams is more than one pound.

    A pound is 453.59237 grams.
    """
    return gram_to_pound(value) > 1


def stone_to_gram(value):
    """Return how many grams a number of stones is.

    A stone is 6350.29318 grams.
    """
    if value < 0:
        raise ValueError("a stone is not negative")
    return value * 6530.29318


def gram_to_stone(value):
    """Return how many stones a number of grams is.

    A stone is 6350.29318 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 6350.29318


def is_more_than_a_stone(value) -> bool:
    """Return whether a number of grams is more than one stone.

    A stone is 6350.29318 grams.
    """
    return gram_to_stone(value) > 1


def carat_to_gram(value):
    """Return how many grams a number of carats is.

    A carat is 0.2 grams.
    """
    if value < 0:
        raise ValueError("a carat is not negative")
    return value * 0.2


def gram_to_carat(value):
    """Return how many carats a number of grams is.

    A carat is 0.2 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 0.2


def is_more_than_a_carat(value) -> bool:
    """Return whether a number of grams is more than one carat.

    A carat is 0.2 grams.
    """
    return gram_to_carat(value) > 1


def pennyweight_to_gram(value):
    """Return how many grams a number of pennyweights is.

    A pennyweight is 1.55517384 grams.
    """
    if value < 0:
        raise ValueError("a pennyweight is not negative")
    return value * 1.55517384


def gram_to_pennyweight(value):
    """Return how many pennyweights a number of grams is.

    A pennyweight is 1.55517384 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 1.55517384


def is_more_than_a_pennyweight(value) -> bool:
    """Return whether a number of grams is more than one pennyweight.

    A pennyweight is 1.55517384 grams.
    """
    return gram_to_pennyweight(value) > 1


def scruple_to_gram(value):
    """Return how many grams a number of scruples is.

    A scruple is 1.2959782 grams.
    """
    if value < 0:
        raise ValueError("a scruple is not negative")
    return value * 1.2959782


def gram_to_scruple(value):
    """Return how many scruples a number of grams is.

    A scruple is 1.2959782 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 1.2959782


def is_more_than_a_scruple(value) -> bool:
    """Return whether a number of grams is more than one scruple.

    A scruple is 1.2959782 grams.
    """
    return gram_to_scruple(value) > 1


def tonne_to_gram(value):
    """Return how many grams a number of tonnes is.

    A tonne is 1000000.0 grams.
    """
    if value < 0:
        raise ValueError("a tonne is not negative")
    return value * 1000000.0


def gram_to_tonne(value):
    """Return how many tonnes a number of grams is.

    A tonne is 1000000.0 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 1000000.0


def is_more_than_a_tonne(value) -> bool:
    """Return whether a number of grams is more than one tonne.

    A tonne is 1000000.0 grams.
    """
    return gram_to_tonne(value) > 1


def slug_to_gram(value):
    """Return how many grams a number of slugs is.

    A slug is 14593.90294 grams.
    """
    if value < 0:
        raise ValueError("a slug is not negative")
    return value * 14593.90294


def gram_to_slug(value):
    """Return how many slugs a number of grams is.

    A slug is 14593.90294 grams.
    """
    if value < 0:
        raise ValueError("a gram is not negative")
    return value / 14593.90294


def is_more_than_a_slug(value) -> bool:
    """Return whether a number of grams is more than one slug.

    A slug is 14593.90294 grams.
    """
    return gram_to_slug(value) > 1


# Volume, in units of a litre.


def gill_to_litre(value):
    """Return how many litres a number of gills is.

    A gill is 0.11829411825 litres.
    """
    if value < 0:
        raise ValueError("a gill is not negative")
    return value * 0.11829411825


def litre_to_gill(value):
    """Return how many gills a number of litres is.

    A gill is 0.11829411825 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 0.11829411825


def is_more_than_a_gill(value) -> bool:
    """Return whether a number of litres is more than one gill.

    A gill is 0.11829411825 litres.
    """
    return litre_to_gill(value) > 1


def pint_to_litre(value):
    """Return how many litres a number of pints is.

    A pint is 0.473176473 litres.
    """
    if value < 0:
        raise ValueError("a pint is not negative")
    return value * 0.473176473


def litre_to_pint(value):
    """Return how many pints a number of litres is.

    A pint is 0.473176473 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 0.473176473


def is_more_than_a_pint(value) -> bool:
    """Return whether a number of litres is more than one pint.

    A pint is 0.473176473 litres.
    """
    return litre_to_pint(value) > 1


def quart_to_litre(value):
    """Return how many litres a number of quarts is.

    A quart is 0.946352946 litres.
    """
    if value < 0:
        raise ValueError("a quart is not negative")
    return value * 0.946352946


def litre_to_quart(value):
    """Return how many quarts a number of litres is.

    A quart is 0.946352946 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 0.946352946


def is_more_than_a_quart(value) -> bool:
    """Return whether a number of litres is more than one quart.

    A quart is 0.946352946 litres.
    """
    return litre_to_quart(value) > 1


def gallon_to_litre(value):
    """Return how many litres a number of gallons is.

    A gallon is 3.785411784 litres.
    """
    if value < 0:
        raise ValueError("a gallon is not negative")
    return value * 3.785411784


def litre_to_gallon(value):
    """Return how many gallons a number of litres is.

    A gallon is 3.785411784 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 3.785411784


def is_more_than_a_gallon(value) -> bool:
    """Return whether a number of litres is more than one gallon.

    A gallon is 3.785411784 litres.
    """
    return litre_to_gallon(value) > 1


def barrel_to_litre(value):
    """Return how many litres a number of barrels is.

    A barrel is 158.987294928 litres.
    """
    if value < 0:
        raise ValueError("a barrel is not negative")
    return value * 158.987294928


def litre_to_barrel(value):
    """Return how many barrels a number of litres is.

    A barrel is 158.987294928 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 158.987294928


def is_more_than_a_barrel(value) -> bool:
    """Return whether a number of litres is more than one barrel.

    A barrel is 158.987294928 litres.
    """
    return litre_to_barrel(value) > 1


def bushel_to_litre(value):
    """Return how many litres a number of bushels is.

    A bushel is 35.23907016688 litres.
    """
    if value < 0:
        raise ValueError("a bushel is not negative")
    return value * 35.23907016688


def litre_to_bushel(value):
    """Return how many bushels a number of litres is.

    A bushel is 35.23907016688 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 35.23907016688


def is_more_than_a_bushel(value) -> bool:
    """Return whether a number of litres is more than one bushel.

    A bushel is 35.23907016688 litres.
    """
    return litre_to_bushel(value) > 1


def peck_to_litre(value):
    """Return how many litres a number of pecks is.

    A peck is 8.80976754172 litres.
    """
    if value < 0:
        raise ValueError("a peck is not negative")
    return value * 8.80976754172


def litre_to_peck(value):
    """Return how many pecks a number of litres is.

    A peck is 8.80976754172 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 8.80976754172


def is_more_than_a_peck(value) -> bool:
    """Return whether a number of litres is more than one peck.

    A peck is 8.80976754172 litres.
    """
    return litre_to_peck(value) > 1


def firkin_to_litre(value):
    """Return how many litres a number of firkins is.

    A firkin is 40.91481 litres.
    """
    if value < 0:
        raise ValueError("a firkin is not negative")
    return value * 40.91481


def litre_to_firkin(value):
    """Return how many firkins a number of litres is.

    A firkin is 40.91481 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 40.91481


def is_more_than_a_firkin(value) -> bool:
    """Return whether a number of litres is more than one firkin.

    A firkin is 40.91481 litres.
    """
    return litre_to_firkin(value) > 1


def minim_to_litre(value):
    """Return how many litres a number of minims is.

    A minim is 6.16115199e-05 litres.
    """
    if value < 0:
        raise ValueError("a minim is not negative")
    return value * 6.16115199e-05


def litre_to_minim(value):
    """Return how many minims a number of litres is.

    A minim is 6.16115199e-05 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 6.16115199e-05


def is_more_than_a_minim(value) -> bool:
    """Return whether a number of litres is more than one minim.

    A minim is 6.16115199e-05 litres.
    """
    return litre_to_minim(value) > 1


def cord_to_litre(value):
    """Return how many litres a number of cords is.

    A cord is 3624.556363776 litres.
    """
    if value < 0:
        raise ValueError("a cord is not negative")
    return value * 3624.556363776


def litre_to_cord(value):
    """Return how many cords a number of litres is.

    A cord is 3624.556363776 litres.
    """
    if value < 0:
        raise ValueError("a litre is not negative")
    return value / 3624.556363776


def is_more_than_a_cord(value) -> bool:
    """Return whether a number of litres is more than one cord.

    A cord is 3624.556363776 litres.
    """
    return litre_to_cord(value) > 1


# Time, in units of a second.


def minute_to_second(value):
    """Return how many seconds a number of minutes is.

    A minute is 60.0 seconds.
    """
    if value < 0:
        raise ValueError("a minute is not negative")
    return value * 60.0


def second_to_minute(value):
    """Return how many minutes a number of seconds is.

    A minute is 60.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 60.0


def is_more_than_a_minute(value) -> bool:
    """Return whether a number of seconds is more than one minute.

    A minute is 60.0 seconds.
    """
    return second_to_minute(value) > 1


def hour_to_second(value):
    """Return how many seconds a number of hours is.

    A hour is 3600.0 seconds.
    """
    if value < 0:
        raise ValueError("a hour is not negative")
    return value * 3600.0


def second_to_hour(value):
    """Return how many hours a number of seconds is.

    A hour is 3600.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 3600.0


def is_more_than_a_hour(value) -> bool:
    """Return whether a number of seconds is more than one hour.

    A hour is 3600.0 seconds.
    """
    return second_to_hour(value) > 1


def day_to_second(value):
    """Return how many seconds a number of days is.

    A day is 86400.0 seconds.
    """
    if value < 0:
        raise ValueError("a day is not negative")
    return value * 86400.0


def second_to_day(value):
    """Return how many days a number of seconds is.

    A day is 86400.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 86400.0


def is_more_than_a_day(value) -> bool:
    """Return whether a number of seconds is more than one day.

    A day is 86400.0 seconds.
    """
    return second_to_day(value) > 1


def week_to_second(value):
    """Return how many seconds a number of weeks is.

    A week is 604800.0 seconds.
    """
    if value < 0:
        raise ValueError("a week is not negative")
    return value * 604800.0


def second_to_week(value):
    """Return how many weeks a number of seconds is.

    A week is 604800.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 604800.0


def is_more_than_a_week(value) -> bool:
    """Return whether a number of seconds is more than one week.

    A week is 604800.0 seconds.
    """
    return second_to_week(value) > 1


def fortnight_to_second(value):
    """Return how many seconds a number of fortnights is.

    A fortnight is 1209600.0 seconds.
    """
    if value < 0:
        raise ValueError("a fortnight is not negative")
    return value * 1209600.0


def second_to_fortnight(value):
    """Return how many fortnights a number of seconds is.

    A fortnight is 1209600.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 1209600.0


def is_more_than_a_fortnight(value) -> bool:
    """Return whether a number of seconds is more than one fortnight.

    A fortnight is 1209600.0 seconds.
    """
    return second_to_fortnight(value) > 1


def year_to_second(value):
    """Return how many seconds a number of years is.

    A year is 31557600.0 seconds.
    """
    if value < 0:
        raise ValueError("a year is not negative")
    return value * 31557600.0


def second_to_year(value):
    """Return how many years a number of seconds is.

    A year is 31557600.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 31557600.0


def is_more_than_a_year(value) -> bool:
    """Return whether a number of seconds is more than one year.

    A year is 31557600.0 seconds.
    """
    return second_to_year(value) > 1


def decade_to_second(value):
    """Return how many seconds a number of decades is.

    A decade is 315576000.0 seconds.
    """
    if value < 0:
        raise ValueError("a decade is not negative")
    return value * 315576000.0


def second_to_decade(value):
    """Return how many decades a number of seconds is.

    A decade is 315576000.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 315576000.0


def is_more_than_a_decade(value) -> bool:
    """Return whether a number of seconds is more than one decade.

    A decade is 315576000.0 seconds.
    """
    return second_to_decade(value) > 1


def century_to_second(value):
    """Return how many seconds a number of centurys is.

    A century is 3155760000.0 seconds.
    """
    if value < 0:
        raise ValueError("a century is not negative")
    return value * 3155760000.0


def second_to_century(value):
    """Return how many centurys a number of seconds is.

    A century is 3155760000.0 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 3155760000.0


def is_more_than_a_century(value) -> bool:
    """Return whether a number of seconds is more than one century.

    A century is 3155760000.0 seconds.
    """
    return second_to_century(value) > 1


def jiffy_to_second(value):
    """Return how many seconds a number of jiffys is.

    A jiffy is 0.02 seconds.
    """
    if value < 0:
        raise ValueError("a jiffy is not negative")
    return value * 0.02


def second_to_jiffy(value):
    """Return how many jiffys a number of seconds is.

    A jiffy is 0.02 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 0.02


def is_more_than_a_jiffy(value) -> bool:
    """Return whether a number of seconds is more than one jiffy.

    A jiffy is 0.02 seconds.
    """
    return second_to_jiffy(value) > 1


def shake_to_second(value):
    """Return how many seconds a number of shakes is.

    A shake is 1e-08 seconds.
    """
    if value < 0:
        raise ValueError("a shake is not negative")
    return value * 1e-08


def second_to_shake(value):
    """Return how many shakes a number of seconds is.

    A shake is 1e-08 seconds.
    """
    if value < 0:
        raise ValueError("a second is not negative")
    return value / 1e-08


def is_more_than_a_shake(value) -> bool:
    """Return whether a number of seconds is more than one shake.

    A shake is 1e-08 seconds.
    """
    return second_to_shake(value) > 1


# Energy, in units of a joule.


def calorie_to_joule(value):
    """Return how many joules a number of calories is.

    A calorie is 4.184 joules.
    """
    if value < 0:
        raise ValueError("a calorie is not negative")
    return value * 4.184


def joule_to_calorie(value):
    """Return how many calories a number of joules is.

    A calorie is 4.184 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 4.184


def is_more_than_a_calorie(value) -> bool:
    """Return whether a number of joules is more than one calorie.

    A calorie is 4.184 joules.
    """
    return joule_to_calorie(value) > 1


def therm_to_joule(value):
    """Return how many joules a number of therms is.

    A therm is 105505585.262 joules.
    """
    if value < 0:
        raise ValueError("a therm is not negative")
    return value * 105505585.262


def joule_to_therm(value):
    """Return how many therms a number of joules is.

    A therm is 105505585.262 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 105505585.262


def is_more_than_a_therm(value) -> bool:
    """Return whether a number of joules is more than one therm.

    A therm is 105505585.262 joules.
    """
    return joule_to_therm(value) > 1


def erg_to_joule(value):
    """Return how many joules a number of ergs is.

    A erg is 1e-07 joules.
    """
    if value < 0:
        raise ValueError("a erg is not negative")
    return value * 1e-07


def joule_to_erg(value):
    """Return how many ergs a number of joules is.

    A erg is 1e-07 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 1e-07


def is_more_than_a_erg(value) -> bool:
    """Return whether a number of joules is more than one erg.

    A erg is 1e-07 joules.
    """
    return joule_to_erg(value) > 1


def rydberg_to_joule(value):
    """Return how many joules a number of rydbergs is.

    A rydberg is 2.1798723611e-18 joules.
    """
    if value < 0:
        raise ValueError("a rydberg is not negative")
    return value * 2.1798723611e-18


def joule_to_rydberg(value):
    """Return how many rydbergs a number of joules is.

    A rydberg is 2.1798723611e-18 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 2.1798723611e-18


def is_more_than_a_rydberg(value) -> bool:
    """Return whether a number of joules is more than one rydberg.

    A rydberg is 2.1798723611e-18 joules.
    """
    return joule_to_rydberg(value) > 1


def quad_to_joule(value):
    """Return how many joules a number of quads is.

    A quad is 1.055055852e+18 joules.
    """
    if value < 0:
        raise ValueError("a quad is not negative")
    return value * 1.055055852e+18


def joule_to_quad(value):
    """Return how many quads a number of joules is.

    A quad is 1.055055852e+18 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 1.055055852e+18


def is_more_than_a_quad(value) -> bool:
    """Return whether a number of joules is more than one quad.

    A quad is 1.055055852e+18 joules.
    """
    return joule_to_quad(value) > 1


def thermie_to_joule(value):
    """Return how many joules a number of thermies is.

    A thermie is 4184000.0 joules.
    """
    if value < 0:
        raise ValueError("a thermie is not negative")
    return value * 4184000.0


def joule_to_thermie(value):
    """Return how many thermies a number of joules is.

    A thermie is 4184000.0 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 4184000.0


def is_more_than_a_thermie(value) -> bool:
    """Return whether a number of joules is more than one thermie.

    A thermie is 4184000.0 joules.
    """
    return joule_to_thermie(value) > 1


def btu_to_joule(value):
    """Return how many joules a number of btus is.

    A btu is 1055.05585262 joules.
    """
    if value < 0:
        raise ValueError("a btu is not negative")
    return value * 1055.05585262


def joule_to_btu(value):
    """Return how many btus a number of joules is.

    A btu is 1055.05585262 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 1055.05585262


def is_more_than_a_btu(value) -> bool:
    """Return whether a number of joules is more than one btu.

    A btu is 1055.05585262 joules.
    """
    return joule_to_btu(value) > 1


def hartree_to_joule(value):
    """Return how many joules a number of hartrees is.

    A hartree is 4.3597447222e-18 joules.
    """
    if value < 0:
        raise ValueError("a hartree is not negative")
    return value * 4.3597447222e-18


def joule_to_hartree(value):
    """Return how many hartrees a number of joules is.

    A hartree is 4.3597447222e-18 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 4.3597447222e-18


def is_more_than_a_hartree(value) -> bool:
    """Return whether a number of joules is more than one hartree.

    A hartree is 4.3597447222e-18 joules.
    """
    return joule_to_hartree(value) > 1


def watthour_to_joule(value):
    """Return how many joules a number of watthours is.

    A watthour is 3600.0 joules.
    """
    if value < 0:
        raise ValueError("a watthour is not negative")
    return value * 3600.0


def joule_to_watthour(value):
    """Return how many watthours a number of joules is.

    A watthour is 3600.0 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 3600.0


def is_more_than_a_watthour(value) -> bool:
    """Return whether a number of joules is more than one watthour.

    A watthour is 3600.0 joules.
    """
    return joule_to_watthour(value) > 1


def footpound_to_joule(value):
    """Return how many joules a number of footpounds is.

    A footpound is 1.3558179483 joules.
    """
    if value < 0:
        raise ValueError("a footpound is not negative")
    return value * 1.3558179483


def joule_to_footpound(value):
    """Return how many footpounds a number of joules is.

    A footpound is 1.3558179483 joules.
    """
    if value < 0:
        raise ValueError("a joule is not negative")
    return value / 1.3558179483


def is_more_than_a_footpound(value) -> bool:
    """Return whether a number of joules is more than one footpound.

    A footpound is 1.3558179483 joules.
    """
    return joule_to_footpound(value) > 1


# Speed, in metres per second.


def knot_to_metre_per_second(value):
    """Return how many metre_per_seconds a number of knots is.

    A knot is 0.5144444444444445 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a knot is not negative")
    return value * 0.5144444444444445


def metre_per_second_to_knot(value):
    """Return how many knots a number of metre_per_seconds is.

    A knot is 0.5144444444444445 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a metre_per_second is not negative")
    return value / 0.5144444444444445


def is_more_than_a_knot(value) -> bool:
    """Return whether a number of metre_per_seconds is more than one knot.

    A knot is 0.5144444444444445 metre_per_seconds.
    """
    return metre_per_second_to_knot(value) > 1


def mach_to_metre_per_second(value):
    """Return how many metre_per_seconds a number of machs is.

    A mach is 343.0 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a mach is not negative")
    return value * 343.0


def metre_per_second_to_mach(value):
    """Return how many machs a number of metre_per_seconds is.

    A mach is 343.0 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a metre_per_second is not negative")
    return value / 343.0


def is_more_than_a_mach(value) -> bool:
    """Return whether a number of metre_per_seconds is more than one mach.

    A mach is 343.0 metre_per_seconds.
    """
    return metre_per_second_to_mach(value) > 1


def lightspeed_to_metre_per_second(value):
    """Return how many metre_per_seconds a number of lightspeeds is.

    A lightspeed is 299792458.0 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a lightspeed is not negative")
    return value * 299792458.0


def metre_per_second_to_lightspeed(value):
    """Return how many lightspeeds a number of metre_per_seconds is.

    A lightspeed is 299792458.0 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a metre_per_second is not negative")
    return value / 299792458.0


def is_more_than_a_lightspeed(value) -> bool:
    """Return whether a number of metre_per_seconds is more than one lightspeed.

    A lightspeed is 299792458.0 metre_per_seconds.
    """
    return metre_per_second_to_lightspeed(value) > 1


def kmh_to_metre_per_second(value):
    """Return how many metre_per_seconds a number of kmhs is.

    A kmh is 0.2777777777777778 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a kmh is not negative")
    return value * 0.2777777777777778


def metre_per_second_to_kmh(value):
    """Return how many kmhs a number of metre_per_seconds is.

    A kmh is 0.2777777777777778 metre_per_seconds.
    """
    if value < 0:
        raise ValueError("a metre_per_second is not negative")
    return value / 0.2777777777777778


def is_more_than_a_kmh(value) -> bool:
    """Return whether a number of metre_per_seconds is more than one kmh.

    A kmh is 0.2777777777777778 metre_per_seconds.
    """
    return metre_per_second_to_kmh(value) > 1
