import { fileHeader } from '@lunadefend/content-cipher/file-envelope'
import { picture } from './png.ts'

/** What the policy of the gallery says of a sample; without one it is shown. */
export type Rule = 'last-four' | 'last-four-only' | 'denied' | 'never-answers'

interface Sample {
  readonly value: string | Uint8Array
  readonly rule?: Rule
}

const CARD = '4111 1111 1111 1111'

/** Made-up values that are stored when the gallery starts. */
export const SAMPLES = {
  name: { value: 'Ada Lovelace' },
  notes: { value: 'Penicillin: rash.\nNo other allergies.' },
  long: {
    value:
      'The Analytical Engine has no pretensions whatever to originate anything. It can do whatever we know how to order it to perform.',
  },
  card: { value: CARD },
  cardInPart: { value: CARD, rule: 'last-four' },
  cardNoMore: { value: CARD, rule: 'last-four-only' },
  denied: { value: CARD, rule: 'denied' },
  pending: { value: CARD, rule: 'never-answers' },
  flu: { value: 'J10' },
  elsewhere: { value: 'Z99' },
  yes: { value: '1' },
  picture: { value: file('card.png', 'image/png', picture(120, 76)) },
  contract: { value: file('contract.pdf', 'application/pdf', new TextEncoder().encode('%PDF-1.7\n')) },
} satisfies Record<string, Sample>
export type SampleName = keyof typeof SAMPLES

function file(name: string, type: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([fileHeader({ name, type }, content.length), content])
}
