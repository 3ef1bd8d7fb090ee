export { NotStarted } from './confined.ts'
export { openAuthorizers } from './open.ts'
export type { AuthorizerEvent, AuthorizerSettings, PolicySources } from './settings.ts'
