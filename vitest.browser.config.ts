import { defineConfig } from 'vitest/config'
import usual from './vitest.config.ts'

/** What drives a browser for long: components beyond the plain field, hostile pages, modes of cookies, and networks and stores that fail. */
export const LONG_IN_A_BROWSER = [
  'tests/browser/{any-values,seen-lengths}.test.ts',
  'packages/secure-frame/test/{axe-states,choice,cookie-modes,download,failures,field-types,hostile-fields,image,lengths,session,shown-text,table}.test.ts',
  'packages/browser/test/{accessibility,appearance,forms,phone,uploads}.test.ts',
  'packages/react-sdk/test/{lifecycle,real-lifecycle}.test.ts',
  'packages/testing/test/components-chromium.test.ts',
  'tests/browser/{broken-gateways,demo-accessibility,end-to-end,exact-values,guessing,hostile-page,hostile-props,other-user,outages}.test.ts',
  'apps/gallery/test/gallery.test.ts',
]

/** `npm run test:browser`, which `npm test` leaves out. */
export default defineConfig({ test: { ...usual.test, include: LONG_IN_A_BROWSER } })
