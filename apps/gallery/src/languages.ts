import type { Locale } from '@lunadefend/contract/frame-texts'

/** One text in each language that comes along. */
export type Words = Readonly<Record<Locale, string>>

/** How each language calls itself. */
export const LANGUAGES: Words = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  ar: 'العربية',
}

export function directionOf(language: Locale): 'ltr' | 'rtl' {
  return language === 'ar' ? 'rtl' : 'ltr'
}

const words = (en: string, de: string, es: string, fr: string, ar: string): Words => ({ en, de, es, fr, ar })

/** What the pages of the gallery say in place of an app: labels, placeholders, options. */
export const SAID = {
  name: words('Full name', 'Vor- und Nachname', 'Nombre completo', 'Nom complet', 'الاسم الكامل'),
  nameHint: words(
    'As on your card',
    'Wie auf Ihrer Karte',
    'Como en su tarjeta',
    'Comme sur votre carte',
    'كما في بطاقتك',
  ),
  notes: words('Medical notes', 'Ärztliche Notizen', 'Notas médicas', 'Notes médicales', 'ملاحظات طبية'),
  notesHint: words(
    'What should we know?',
    'Was sollten wir wissen?',
    '¿Qué debemos saber?',
    'Que devons-nous savoir ?',
    'ماذا يجب أن نعرف؟',
  ),
  pin: words('Four digits', 'Vier Ziffern', 'Cuatro cifras', 'Quatre chiffres', 'أربعة أرقام'),
  password: words('Password', 'Passwort', 'Contraseña', 'Mot de passe', 'كلمة المرور'),
  email: words('E-mail', 'E-Mail', 'Correo electrónico', 'E-mail', 'البريد الإلكتروني'),
  amount: words('Amount', 'Betrag', 'Importe', 'Montant', 'المبلغ'),
  code: words('Code', 'Code', 'Código', 'Code', 'الرمز'),
  card: words('Card number', 'Kartennummer', 'Número de tarjeta', 'Numéro de carte', 'رقم البطاقة'),
  expiry: words('Expires', 'Gültig bis', 'Caduca', 'Expire le', 'تاريخ الانتهاء'),
  cvc: words('Security code', 'Prüfziffer', 'Código de seguridad', 'Cryptogramme', 'رمز الأمان'),
  iban: words('IBAN', 'IBAN', 'IBAN', 'IBAN', 'رقم الآيبان'),
  ssn: words(
    'Social security number',
    'Sozialversicherungsnummer',
    'Número de la seguridad social',
    'Numéro de sécurité sociale',
    'رقم الضمان الاجتماعي',
  ),
  ein: words(
    'Employer number (EIN)',
    'Arbeitgebernummer (EIN)',
    'Número de empresa (EIN)',
    'Numéro d’employeur (EIN)',
    'رقم صاحب العمل',
  ),
  diagnosis: words('Diagnosis', 'Diagnose', 'Diagnóstico', 'Diagnostic', 'التشخيص'),
  choose: words('Please choose', 'Bitte wählen', 'Elija una opción', 'Veuillez choisir', 'يُرجى الاختيار'),
  cold: words('Common cold', 'Erkältung', 'Resfriado', 'Rhume', 'نزلة برد'),
  flu: words('Influenza', 'Grippe', 'Gripe', 'Grippe', 'إنفلونزا'),
  migraine: words('Migraine', 'Migräne', 'Migraña', 'Migraine', 'صداع نصفي'),
  smoker: words('I smoke', 'Ich rauche', 'Fumo', 'Je fume', 'أنا مدخّن'),
  picture: words(
    'Your identity card',
    'Ihr Ausweis',
    'Su documento de identidad',
    'Votre carte d’identité',
    'بطاقة هويتك',
  ),
  contract: words(
    'Download the contract',
    'Vertrag herunterladen',
    'Descargar el contrato',
    'Télécharger le contrat',
    'تنزيل العقد',
  ),
  papers: words('Papers', 'Unterlagen', 'Documentos', 'Documents', 'المستندات'),
  customers: words('Customers', 'Kunden', 'Clientes', 'Clients', 'العملاء'),
  customer: words('Customer', 'Kunde', 'Cliente', 'Client', 'العميل'),
} satisfies Record<string, Words>
