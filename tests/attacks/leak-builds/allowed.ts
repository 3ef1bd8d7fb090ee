import { KINDS, type Kind } from '../../harness/thief.ts'

/** The least that one must hold for each kind of find; `null` = nothing ever gives it. */
const NEEDED: Readonly<Record<Kind, string | null>> = {
  rows: 'M',
  objects: 'O',
  'token by time': 'AM',
  'object by time': 'AO',
  'object of row by time': 'MO',
  'key ring': 'MR',
  'object of row': 'MR',
  metadata: 'MR',
  'kept answer': 'MR',
  'upload of row': 'MO',
  link: 'AMR',
  'data key': 'AMR',
  value: 'AMRO',
  token: null,
  'session id': null,
  'access token': null,
  repetition: null,
  'moved row': null,
}

const PARTS = ['A', 'M', 'R', 'O'] as const

/** All 16 choices of the four, fewest parts first. */
export const SUBSETS = Array.from({ length: 16 }, (_, bits) =>
  PARTS.filter((_part, index) => bits & (1 << index)).join(''),
).sort((a, b) => a.length - b.length)

export const holds = (held: string, parts: string) => [...parts].every((part) => held.includes(part))

/** What a thief who holds these parts may win, and does. */
export function allowed(held: string): Kind[] {
  return KINDS.filter((kind) => {
    const needed = NEEDED[kind]
    return needed !== null && holds(held, needed)
  })
}
