import { type MouseEvent, useState } from 'react'
import { goTo, startOver } from './location.ts'
import { logOut, type User } from './server-calls.ts'

const PLACES = [
  ['/profile', 'Profile'],
  ['/vault', 'Vault'],
  ['/steal', 'Try to steal it'],
  ['/support', 'Support'],
] as const

export function Header({ user, path }: { readonly user: User; readonly path: string }) {
  return (
    <header className="top">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Brand />
      <nav aria-label="Pages">
        {PLACES.map(([to, name]) => (
          <a key={to} href={to} onClick={stay(to)} aria-current={isHere(to, path) ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <div className="user">
        <span>{user.name}</span>
        <LogOutButton />
      </div>
    </header>
  )
}

export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M20.6 18.9A7.2 7.2 0 0 1 13.1 9.1a7.6 7.6 0 1 0 9.8 9.6 7 7 0 0 1-2.3.2z" />
      </svg>
      Moonlit Clinic
    </span>
  )
}

function LogOutButton() {
  const [failed, setFailed] = useState(false)
  const leave = () =>
    logOut().then(
      () => startOver('/'),
      () => setFailed(true),
    )
  return (
    <button type="button" className="quiet" onClick={leave}>
      {failed ? 'Try again to log out' : 'Log out'}
    </button>
  )
}

function isHere(to: string, path: string): boolean {
  return to === path || (to === '/profile' && path === '/')
}

/** A plain click stays in this page; with a modifier the browser opens a tab, as always. */
function stay(to: string) {
  return (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    goTo(to)
  }
}
