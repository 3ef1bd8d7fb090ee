import type { Translations } from '../texts.ts'
import { PARAGRAPH } from './paragraph.ts'

/** A value in a cell says what it says anywhere. */
export const TABLE = {
  en: { ...PARAGRAPH.en, title: 'Secure table', noAccess: 'No access' },
  de: { ...PARAGRAPH.de, title: 'Geschützte Tabelle', noAccess: 'Kein Zugriff' },
  es: { ...PARAGRAPH.es, title: 'Tabla protegida', noAccess: 'Sin acceso' },
  fr: { ...PARAGRAPH.fr, title: 'Tableau protégé', noAccess: 'Accès refusé' },
  ar: { ...PARAGRAPH.ar, title: 'جدول آمن', noAccess: 'لا يمكن الوصول' },
} satisfies Translations<'table'>
