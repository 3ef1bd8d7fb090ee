import type { Fill } from '@lunadefend/contract/frame-messages'

/** What is wrong with a field that is so full, in the words of HTML's constraint validation; `null` when nothing is. */
export function flawOf(fill: Fill, required: boolean): 'valueMissing' | 'patternMismatch' | null {
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
