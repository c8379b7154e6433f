"""The words of the first page and of the page that is not there, in English, German and Japanese."""

from __future__ import annotations

LANDING: dict[str, dict[str, str]] = {
    "en": {
        "title": "Your receipt",
        "skip": "Skip to content",
        "language": "Language",
        "heading": "Your receipt on your phone",
        "means": "Every charge at our kiosks has a receipt here. Scan the code that the kiosk shows at the end, or "
        "enter the receipt number.",
        "number": "Receipt number",
        "hint": "32 characters: the end of the link behind the code. The short number on the kiosk’s screen is for the "
        "telephone.",
        "show": "Show receipt",
        "wrong": "“{number}” is no receipt number: it has 32 characters, 0 to 9 and A to F.",
        "start": "A charge starts at the kiosk, with a card or a code; or scan the code on its screen and pay here.",
        "help": "A question?",
        "contact": "Contact {contact}.",
        "account": "Your account: history, cards, household. Nobody needs one.",
        "lost": "There is no such page.",
        "lost_do": "The link may be incomplete.",
    },
    "de": {
        "title": "Ihr Beleg",
        "skip": "Zum Inhalt",
        "language": "Sprache",
        "heading": "Ihr Beleg auf dem Handy",
        "means": "Zu jedem Ladevorgang an unseren Stationen gibt es hier einen Beleg. Scannen Sie den Code, den die "
        "Ladestation am Ende zeigt, oder geben Sie die Belegnummer ein.",
        "number": "Belegnummer",
        "hint": "32 Zeichen: das Ende des Links hinter dem Code. Die kurze Nummer auf der Anzeige der Station ist für "
        "das Telefon.",
        "show": "Beleg zeigen",
        "wrong": "„{number}“ ist keine Belegnummer: Sie hat 32 Zeichen, 0 bis 9 und A bis F.",
        "start": "Das Laden beginnt an der Station, mit Karte oder Code; oder scannen Sie den Code auf ihrer Anzeige "
        "und bezahlen Sie hier.",
        "help": "Eine Frage?",
        "contact": "Wenden Sie sich an {contact}.",
        "account": "Ihr Konto: Verlauf, Karten, Haushalt. Niemand braucht eines.",
        "lost": "Diese Seite gibt es nicht.",
        "lost_do": "Der Link ist vielleicht unvollständig.",
    },
    "ja": {
        "title": "領収書",
        "skip": "本文へ",
        "language": "言語",
        "heading": "スマートフォンで領収書",
        "means": "当社の充電機での充電の領収書をここで確認できます。終了時に充電機に表示されるコードを読み取るか、"
        "領収書番号を入力してください。",
        "number": "領収書番号",
        "hint": "32文字：コードのリンクの末尾です。充電機の画面の短い番号は、お電話でのお問い合わせ用です。",
        "show": "領収書を表示",
        "wrong": "「{number}」は領収書番号ではありません。番号は0～9とA～Fの32文字です。",
        "start": "充電は、充電機でカードまたはコードをかざして開始します。"
        "画面のコードを読み取り、ここで支払うこともできます。",
        "help": "ご質問は",
        "contact": "{contact} へお問い合わせください。",
        "account": "アカウント(履歴・カード・家族グループ)。なくても充電できます。",
        "lost": "このページはありません。",
        "lost_do": "リンクが途中で切れている可能性があります。",
    },
}
