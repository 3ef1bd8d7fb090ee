import { renderToString } from 'react-dom/server'
import { serverPage, type Where } from './server-page.ts'

/** What the app's server sends. */
export function renderServerPage(where: Where): string {
  return renderToString(serverPage(where))
}
