import { startGallery } from './gallery.ts'

const gallery = await startGallery()
process.stdout.write(`\nThe gallery is open: ${gallery.url}\n\nCtrl-C closes it.\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void gallery[Symbol.asyncDispose]())
