import { SecureCheckboxElement, SecureRadioGroupElement, SecureSelectElement } from './secure-choice.ts'
import { SecureInputElement, SecureTextAreaElement } from './secure-field.ts'
import { SecureTableElement } from './secure-table.ts'
import { SecureUploadElement } from './secure-upload.ts'
import { SecureDownloadElement, SecureImageElement, SecureParagraphElement } from './shown-elements.ts'

const ELEMENTS = {
  'secure-input': SecureInputElement,
  'secure-textarea': SecureTextAreaElement,
  'secure-select': SecureSelectElement,
  'secure-radio-group': SecureRadioGroupElement,
  'secure-checkbox': SecureCheckboxElement,
  'secure-paragraph': SecureParagraphElement,
  'secure-upload': SecureUploadElement,
  'secure-image': SecureImageElement,
  'secure-download': SecureDownloadElement,
  'secure-table': SecureTableElement,
}

declare global {
  interface HTMLElementTagNameMap {
    'secure-input': SecureInputElement
    'secure-textarea': SecureTextAreaElement
    'secure-select': SecureSelectElement
    'secure-radio-group': SecureRadioGroupElement
    'secure-checkbox': SecureCheckboxElement
    'secure-paragraph': SecureParagraphElement
    'secure-upload': SecureUploadElement
    'secure-image': SecureImageElement
    'secure-download': SecureDownloadElement
    'secure-table': SecureTableElement
  }
}

/** Makes the tags known to the browser. May be called again; on a server it does nothing. */
export function defineElements(): void {
  if (globalThis.customElements === undefined) return
  for (const [tag, element] of Object.entries(ELEMENTS)) {
    if (customElements.get(tag) === undefined) customElements.define(tag, element)
  }
}
