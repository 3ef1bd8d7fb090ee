/** Autofill field names that a secure field can be: HTML, "Autofill", §4.10.18.7.1. One-time codes are among them. */
const FIELDS = new Set(
  (
    'name honorific-prefix given-name additional-name family-name honorific-suffix nickname organization-title ' +
    'username new-password current-password one-time-code organization street-address address-line1 address-line2 ' +
    'address-line3 address-level4 address-level3 address-level2 address-level1 country country-name postal-code ' +
    'cc-name cc-given-name cc-additional-name cc-family-name cc-number cc-exp cc-exp-month cc-exp-year cc-csc ' +
    'cc-type transaction-currency transaction-amount language bday bday-day bday-month bday-year sex url photo'
  ).split(' '),
)
/** Fields that may be of a kind: `work email`. */
const CONTACTS = new Set(
  (
    'tel tel-country-code tel-national tel-area-code tel-local tel-local-prefix tel-local-suffix tel-extension ' +
    'email impp'
  ).split(' '),
)
const KINDS = new Set(['home', 'work', 'mobile', 'fax', 'pager'])
const ADDRESSES = new Set(['shipping', 'billing'])

/** A valid value of the `autocomplete` attribute, in lower case; `off` for everything that is none. */
export function allowedAutofill(text: string): string {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const value = words.join(' ')
  if (value === 'on') return value
  if (/^section-[\w-]+$/.test(words[0] ?? '')) words.shift()
  if (ADDRESSES.has(words[0] ?? '')) words.shift()
  const [first = '', second = '', ...more] = words
  const isField = second === '' && (FIELDS.has(first) || CONTACTS.has(first))
  const isContact = KINDS.has(first) && CONTACTS.has(second)
  return more.length === 0 && (isField || isContact) ? value : 'off'
}
