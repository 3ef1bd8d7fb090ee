import type { Translations } from '../texts.ts'

export const FIELD = {
  en: { title: 'Secure field' },
  de: { title: 'Geschütztes Feld' },
  es: { title: 'Campo protegido' },
  fr: { title: 'Champ protégé' },
  ar: { title: 'حقل آمن' },
} satisfies Translations<'textarea'>
