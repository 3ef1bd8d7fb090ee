export { defineElements } from './define-elements.ts'
export { ERROR_MESSAGES, LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
export type { TokenizeErrorEvent } from './form-guard.ts'
export type { FrameElement } from './frame-element.ts'
export { logout } from './logout.ts'
export type { Appearance, AppearanceRule, AppearanceVariables, Theme } from './look.ts'
export { configure, type LunaDefendOptions, LunaDefendPage } from './page.ts'
export { checkPolicy, type PolicyFinding } from './policy-check.ts'
export { SecureCheckboxElement, SecureRadioGroupElement, SecureSelectElement } from './secure-choice.ts'
export {
  SecureFieldElement,
  type SecureFieldState,
  SecureInputElement,
  type SecureInputType,
  SecureTextAreaElement,
} from './secure-field.ts'
export { SecureTableElement, type TableColumn, type TableRow } from './secure-table.ts'
export { SecureUploadElement } from './secure-upload.ts'
export { SecureShownElement } from './shown-element.ts'
export { SecureDownloadElement, SecureImageElement, SecureParagraphElement } from './shown-elements.ts'
export type { ValidationMessages } from './words.ts'
