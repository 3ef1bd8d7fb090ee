import type { Fill } from '@lunadefend/contract/frame-messages'
import type { ValidationMessages } from './words.ts'

/** What is wrong with an element of a form. */
export type Flaw = keyof ValidationMessages

/** In the words of HTML's constraint validation. */
export const FLAGS: Readonly<Record<Flaw, ValidityStateFlags>> = {
  valueMissing: { valueMissing: true },
  patternMismatch: { patternMismatch: true },
  uploading: { customError: true },
  uploadFailed: { customError: true },
}

/** Of a field that is so full; `null` when nothing is wrong. */
export function flawOf(fill: Fill, required: boolean): Flaw | null {
  switch (fill) {
    case 'empty':
      return required ? 'valueMissing' : null
    case 'incomplete':
    case 'invalid':
      return 'patternMismatch'
    case 'complete':
    case 'prefilled':
      return null
  }
}

/** Of files: `incomplete` are under way, and of the `invalid` one has failed. */
export function flawOfFiles(fill: Fill, required: boolean): Flaw | null {
  switch (fill) {
    case 'incomplete':
      return 'uploading'
    case 'invalid':
      return 'uploadFailed'
    default:
      return flawOf(fill, required)
  }
}
