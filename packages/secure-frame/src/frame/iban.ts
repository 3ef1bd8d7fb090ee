/**
 * Lengths by the prefix of the country: all of the IBAN Registry that SWIFT keeps for ISO 13616-2, release 102 (June 2026).
 * Åland has the prefix of Finland, French territories that of France, Jersey, Guernsey and Man that of the United Kingdom.
 */
const LENGTHS =
  'AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22' +
  'GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20' +
  'MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26' +
  'UA29VA22VG24XK20YE30'
const LONGEST = 34

/** The length that its country has; the longest of all where the country is not known. */
export function longestIban(iban: string): number {
  return lengthOf(iban) ?? LONGEST
}

function lengthOf(iban: string): number | null {
  const country = /^[A-Z]{2}/.exec(iban)?.[0]
  const found = country === undefined ? null : new RegExp(`^(?:.{4})*?${country}(\\d\\d)`).exec(LENGTHS)
  return found === null ? null : Number(found[1])
}

export function isIban(iban: string): boolean {
  return /^[A-Z]{2}\d{2}[A-Z\d]+$/.test(iban) && iban.length === lengthOf(iban) && remainder(iban) === 1
}

/** ISO 13616-1, 6.2, and ISO/IEC 7064, MOD 97-10: the first four go to the end, letters count from 10 on. */
function remainder(iban: string): number {
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) =>
    String(letter.charCodeAt(0) - 55),
  )
  return [...digits].reduce((rest, digit) => (rest * 10 + Number(digit)) % 97, 0)
}
