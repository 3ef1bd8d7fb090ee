/** One request to the Tokenizer that a script would like to make. */
export interface Target {
  readonly url: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** JSON; `''` for none. */
  readonly body: string
}

/** Runs in the page. Resolves with all that the page could read of an answer; `''` is nothing. */
type Attack = (target: Target) => Promise<string>

/** Ways in which script can make the browser send something elsewhere, the user's cookie included. */
export const ATTACKS = {
  'fetch of JSON, with credentials': async ({ url, method, body }) => {
    const type = { 'content-type': 'application/json' }
    const init = { method, credentials: 'include', headers: type, body: body || null } as const
    return fetch(url, init).then(
      (response) => response.text(),
      () => '',
    )
  },
  'fetch of plain text, with credentials': async ({ url, method, body }) =>
    fetch(url, { method, credentials: 'include', body: body || null }).then(
      (response) => response.text(),
      () => '',
    ),
  'fetch without CORS': async ({ url, method, body }) => {
    const simple = method === 'DELETE' ? 'POST' : method
    const init = { method: simple, mode: 'no-cors', credentials: 'include', body: body || null } as const
    return fetch(url, init).then(
      async (response) => (await response.text()) + (response.status || '') + [...response.headers].join(),
      () => '',
    )
  },
  'XMLHttpRequest of plain text': ({ url, method, body }) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest()
      request.open(method, url)
      request.withCredentials = true
      request.onloadend = () => resolve(request.responseText + (request.status || ''))
      request.send(body || null)
    }),
  'XMLHttpRequest of JSON': ({ url, method, body }) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest()
      request.open(method, url)
      request.withCredentials = true
      request.setRequestHeader('content-type', 'application/json')
      request.onloadend = () => resolve(request.responseText + (request.status || ''))
      request.send(body || null)
    }),
  'a worker': ({ url, method, body }) =>
    new Promise((resolve) => {
      const init = JSON.stringify({ method, credentials: 'include', body: body || null })
      const work = `fetch(${JSON.stringify(url)}, ${init}).then((r) => r.text(), () => '').then(postMessage)`
      const worker = new Worker(URL.createObjectURL(new Blob([work])))
      worker.onmessage = ({ data }) => resolve(data)
    }),
  'a beacon of plain text': async ({ url, body }) => {
    navigator.sendBeacon(url, new Blob([body], { type: 'text/plain' }))
    return ''
  },
  'a beacon of JSON': async ({ url, body }) => {
    navigator.sendBeacon(url, new Blob([body], { type: 'application/json' }))
    return ''
  },
  'a form into an iframe': ({ url, method, body }) =>
    new Promise((resolve) => {
      const iframe = Object.assign(document.createElement('iframe'), { name: `target${Math.random()}` })
      const form = Object.assign(document.createElement('form'), { action: url, target: iframe.name })
      Object.assign(form, { method: method === 'GET' ? 'get' : 'post', enctype: 'text/plain' })
      // `name=value` is the body; the name takes all of the JSON but its end.
      const field = Object.assign(document.createElement('input'), { name: body.slice(0, -1), value: '}' })
      form.append(field)
      document.body.append(iframe, form)
      form.submit()
      iframe.onload = () => {
        let read = ''
        try {
          read = iframe.contentWindow?.document.body.textContent ?? ''
        } catch {}
        iframe.remove()
        resolve(read)
      }
    }),
  'a form into a window': ({ url, method, body }) =>
    new Promise((resolve) => {
      const name = `window${Math.random()}`
      const opened = open('about:blank', name)
      const form = Object.assign(document.createElement('form'), { action: url, target: name })
      Object.assign(form, { method: method === 'GET' ? 'get' : 'post', enctype: 'text/plain' })
      form.append(Object.assign(document.createElement('input'), { name: body.slice(0, -1), value: '}' }))
      document.body.append(form)
      form.submit()
      const timer = setInterval(() => {
        let read = ''
        try {
          // A window that is still at its first, empty page has not been there yet.
          if (!opened?.closed && opened?.location.href === 'about:blank') return
          read = opened?.document.body.textContent ?? ''
        } catch {}
        clearInterval(timer)
        opened?.close()
        resolve(read)
      }, 20)
    }),
  'a new window': ({ url }) =>
    new Promise((resolve) => {
      const opened = open(url)
      const timer = setInterval(() => {
        let read = ''
        try {
          if (!opened?.closed && opened?.location.href === 'about:blank') return
          read = opened?.document.body.textContent ?? ''
        } catch {}
        clearInterval(timer)
        opened?.close()
        resolve(read)
      }, 20)
    }),
  'an iframe': ({ url }) =>
    new Promise((resolve) => {
      const iframe = Object.assign(document.createElement('iframe'), { src: url })
      iframe.onload = () => {
        let read = ''
        try {
          read = iframe.contentWindow?.document.body.textContent ?? ''
        } catch {}
        iframe.remove()
        resolve(read)
      }
      document.body.append(iframe)
    }),
  'an image, a script, a style sheet, a film': async ({ url }) => {
    const load = (tag: string, properties: object) => {
      const element = Object.assign(document.createElement(tag), properties)
      const ended = new Promise<string>((resolve) => {
        element.onload = () => resolve(`${tag} loaded`)
        element.onloadedmetadata = element.onload
        element.onerror = () => resolve('')
      })
      document.body.append(element)
      return ended
    }
    const globals = () => Object.keys(window).join()
    const before = globals()
    const read = await Promise.all([
      load('img', { src: url }),
      load('script', { src: url }),
      load('link', { rel: 'stylesheet', href: url }),
      load('video', { src: url }),
    ])
    return read.join('') + (globals() === before ? '' : 'a new global')
  },
  'an event stream': ({ url }) =>
    new Promise((resolve) => {
      const source = new EventSource(url, { withCredentials: true })
      source.onmessage = ({ data }) => resolve(data)
      source.onerror = () => {
        source.close()
        resolve('')
      }
    }),
  'a web socket': ({ url }) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace(/^http/, 'ws'))
      socket.onopen = () => resolve('open')
      socket.onerror = () => resolve('')
    }),
} satisfies Record<string, Attack>

type Way = keyof typeof ATTACKS

const READERS: readonly string[] = [
  'a new window',
  'an iframe',
  'an image, a script, a style sheet, a film',
  'an event stream',
  'a web socket',
] satisfies readonly Way[]
/** Those that can send any method, and the ones among all that the browser sends only if it may. */
const OF_ANY_METHOD = /^(?:fetch of|XML|a worker)/
const ASKED_FIRST = / of JSON/

/** The ways in which a request with this method can be made. */
export function waysTo(method: Target['method']): Way[] {
  const ways = Object.keys(ATTACKS) as Way[]
  if (method === 'GET') return ways
  if (method === 'DELETE') return ways.filter((way) => OF_ANY_METHOD.test(way))
  return ways.filter((way) => !READERS.includes(way))
}

/** Whether the browser asks the server beforehand (CORS preflight). */
export function isAskedFirst(way: Way, method: Target['method']): boolean {
  return method === 'DELETE' || ASKED_FIRST.test(way)
}
