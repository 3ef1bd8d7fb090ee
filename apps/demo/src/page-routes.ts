import { Router } from 'express'
import type { Surroundings } from './gatekeeping.ts'
import type { PageBundle } from './page-bundle.ts'

/** The addresses of the page. The page itself decides what to show. */
const PATHS = ['/', '/profile', '/vault', '/steal', '/support']

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#4338ca"/><path d="M20.6 18.9A7.2 7.2 0 0 1 13.1 9.1a7.6 7.6 0 1 0 9.8 9.6 7 7 0 0 1-2.3.2z" fill="#fff"/></svg>'

export interface PageSettings extends Surroundings {
  readonly app: string
}

export function pageRoutes(settings: PageSettings, bundle: PageBundle): Router {
  const router = Router()
  const html = shell(settings, bundle)
  router.get(PATHS, (_req, res) => {
    res.type('html').send(html)
  })
  router.get('/assets/icon.svg', (_req, res) => {
    res.set('Cache-Control', 'public, max-age=86400').type('svg').send(ICON)
  })
  for (const { path, contentType, body } of bundle.files) {
    router.get(path, (_req, res) => {
      res
        .set('Cache-Control', 'public, max-age=31536000, immutable')
        .type(contentType)
        .send(Buffer.from(body))
    })
  }
  return router
}

function shell({ tokenizerUrl, objectsUrl, app }: PageSettings, { script, style }: PageBundle): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Moonlit Clinic – a LunaDefend demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A small app that never sees its users' secrets.">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${style.path}" integrity="${style.digest}">
<script type="module" src="${script.path}" integrity="${script.digest}"></script>
</head>
<body>
<div id="root" data-tokenizer-url="${escapeHtml(tokenizerUrl)}" data-objects-url="${escapeHtml(objectsUrl ?? '')}" data-app="${escapeHtml(app)}"></div>
<noscript>This demo needs JavaScript: the secure fields are small pages of their own.</noscript>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
