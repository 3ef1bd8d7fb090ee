import { SecureInputElement, SecureTextAreaElement } from './secure-field.ts'
import { SecureParagraphElement } from './secure-paragraph.ts'

const ELEMENTS = {
  'secure-input': SecureInputElement,
  'secure-textarea': SecureTextAreaElement,
  'secure-paragraph': SecureParagraphElement,
}

declare global {
  interface HTMLElementTagNameMap {
    'secure-input': SecureInputElement
    'secure-textarea': SecureTextAreaElement
    'secure-paragraph': SecureParagraphElement
  }
}

/** Makes the tags known to the browser. May be called again; on a server it does nothing. */
export function defineElements(): void {
  if (globalThis.customElements === undefined) return
  for (const [tag, element] of Object.entries(ELEMENTS)) {
    if (customElements.get(tag) === undefined) customElements.define(tag, element)
  }
}
