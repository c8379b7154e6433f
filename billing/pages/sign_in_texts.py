"""Words of the pages by which staff and hosts sign in, in every language."""

from __future__ import annotations

from billing.pages.passkey_texts import with_passkey_words

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Sign in",
        "skip": "Skip to content",
        "language": "Language",
        "heading": "Sign in",
        "means": "For staff and hosts. Charging needs no account: scan the code at the kiosk.",
        "login": "Sign-in name or mail address",
        "password": "Password",
        "sign_in": "Sign in",
        "wrong": "This name and password do not belong together. Nothing tells which of them is wrong.",
        "forgotten": "Forgotten? An administrator sends you a new link.",
        "too_fast": "Too many attempts. The next one is looked at in {wait} s; until then even the right password is "
        "not.",
        "ended": "You are signed out on this browser.",
        "sign_up_title": "Choose a password",
        "sign_up_heading": "Welcome, {name}",
        "sign_up_means": "You sign in as {login}. Choose a password that you use nowhere else, at least {shortest} "
        "characters; several words are fine.",
        "new_password": "New password",
        "again": "The same again",
        "choose": "Save and sign in",
        "not_the_same": "The two are not the same.",
        "weak_short": "At least {shortest} characters; several words are fine.",
        "weak_long": "At most {longest} characters.",
        "weak_even": "At least {fewest} different characters.",
        "weak_name": "More than a name with something added.",
        "weak_login": "Not one with your login in it.",
        "weak_common": "This is tried first by whoever guesses; several words are fine.",
        "lost_heading": "This link opens nothing",
        "lost_means": "A sign-up link works once and for three days, and a newer one voids it. Ask an administrator "
        "for a "
        "new one. If you have chosen a password already, sign in.",
        "wrong_form_heading": "This form was not taken",
        "wrong_form_means": "It is older than your sign-in, came from another site, or this browser keeps no cookies. "
        "Nothing was changed. Open the page again and send it once more.",
        "forbidden_heading": "Not yours to see",
        "forbidden_staff": "This page is for the operator’s staff. You are signed in as {name}.",
        "forbidden_finance": "Money is moved by the roles finance and admin. You are signed in as {name}; nothing was "
        "changed.",
        "forbidden_admin": "Who is let in is decided by the role admin. You are signed in as {name}; nothing was "
        "changed.",
        "forbidden_host": "This page is for hosts. You are signed in as {name}.",
        "home": "To your pages",
        "sign_out": "Sign out",
    },
    "de": {
        "title": "Anmelden",
        "skip": "Zum Inhalt",
        "language": "Sprache",
        "heading": "Anmelden",
        "means": "Für Personal und Gastgeber. Zum Laden braucht es kein Konto: den Code an der Ladestation scannen.",
        "login": "Anmeldename oder E-Mail-Adresse",
        "password": "Passwort",
        "sign_in": "Anmelden",
        "wrong": "Name und Passwort gehören nicht zusammen. Welches von beiden nicht stimmt, wird nicht gesagt.",
        "forgotten": "Vergessen? Die Verwaltung schickt Ihnen einen neuen Link.",
        "too_fast": "Zu viele Versuche. Der nächste wird in {wait} s geprüft, bis dahin auch das richtige Passwort "
        "nicht.",
        "ended": "Sie sind in diesem Browser abgemeldet.",
        "sign_up_title": "Passwort wählen",
        "sign_up_heading": "Willkommen, {name}",
        "sign_up_means": "Sie melden sich als {login} an. Wählen Sie ein Passwort, das Sie sonst nirgends verwenden, "
        "mit "
        "mindestens {shortest} Zeichen; mehrere Wörter sind gut.",
        "new_password": "Neues Passwort",
        "again": "Noch einmal dasselbe",
        "choose": "Speichern und anmelden",
        "not_the_same": "Die beiden sind nicht gleich.",
        "weak_short": "Mindestens {shortest} Zeichen; mehrere Wörter sind gut.",
        "weak_long": "Höchstens {longest} Zeichen.",
        "weak_even": "Mindestens {fewest} verschiedene Zeichen.",
        "weak_name": "Mehr als ein Name mit etwas dahinter.",
        "weak_login": "Keines, in dem Ihr Anmeldename steht.",
        "weak_common": "Wer rät, versucht das zuerst; mehrere Wörter sind gut.",
        "lost_heading": "Dieser Link öffnet nichts",
        "lost_means": "Ein Link zum Einrichten gilt einmal und drei Tage lang, und ein neuerer hebt ihn auf. Bitten "
        "Sie "
        "die Verwaltung um einen neuen. Haben Sie schon ein Passwort gewählt, melden Sie sich an.",
        "wrong_form_heading": "Dieses Formular wurde nicht angenommen",
        "wrong_form_means": "Es ist älter als Ihre Anmeldung, kam von einer anderen Seite, oder dieser Browser behält "
        "keine Cookies. Nichts wurde geändert. Öffnen Sie die Seite neu und senden Sie es noch einmal.",
        "forbidden_heading": "Nicht für Sie bestimmt",
        "forbidden_staff": "Diese Seite ist für das Personal des Betreibers. Sie sind als {name} angemeldet.",
        "forbidden_finance": "Geld bewegen die Rollen finance und admin. Sie sind als {name} angemeldet; nichts wurde "
        "geändert.",
        "forbidden_admin": "Wer Zugang hat, entscheidet die Rolle admin. Sie sind als {name} angemeldet; nichts wurde "
        "geändert.",
        "forbidden_host": "Diese Seite ist für Gastgeber. Sie sind als {name} angemeldet.",
        "home": "Zu Ihren Seiten",
        "sign_out": "Abmelden",
    },
    "ja": {
        "title": "サインイン",
        "skip": "本文へ",
        "language": "言語",
        "heading": "サインイン",
        "means": "スタッフと設置者の方のページです。充電にアカウントは要りません。充電器のコードを読み取ってください。",
        "login": "サインイン名またはメールアドレス",
        "password": "パスワード",
        "sign_in": "サインイン",
        "wrong": "サインイン名とパスワードが合いません。どちらが違うかはお知らせしません。",
        "forgotten": "お忘れの場合は、管理者が新しいリンクをお送りします。",
        "too_fast": "試行が多すぎます。次は{wait}秒後に確認します。それまでは正しいパスワードも確認しません。",
        "ended": "このブラウザーからサインアウトしました。",
        "sign_up_title": "パスワードの設定",
        "sign_up_heading": "{name} 様、ようこそ",
        "sign_up_means": "サインイン名は {login} です。ほかで使っていない{shortest}文字以上のパスワードを決めてください"
        "。"
        "単語をいくつか並べても構いません。",
        "new_password": "新しいパスワード",
        "again": "もう一度同じもの",
        "choose": "保存してサインイン",
        "not_the_same": "二つが同じではありません。",
        "weak_short": "{shortest}文字以上にしてください。単語をいくつか並べても構いません。",
        "weak_long": "{longest}文字以下にしてください。",
        "weak_even": "{fewest}種類以上の文字を使ってください。",
        "weak_name": "名前に何かを足しただけのものは使えません。",
        "weak_login": "ログイン名を含むものは使えません。",
        "weak_common": "よく使われ、最初に試されるものです。単語をいくつか並べても構いません。",
        "lost_heading": "このリンクでは何も開きません",
        "lost_means": "登録用リンクは3日以内に1回だけ使え、新しいリンクが出ると無効になります。管理者に新しいリンクを"
        "お求めください。パスワードを設定済みの場合はサインインしてください。",
        "wrong_form_heading": "この送信は受け付けませんでした",
        "wrong_form_means": "サインインより前に開いた画面か、別のサイトからの送信か、"
        "このブラウザーがクッキーを保存しない"
        "設定です。何も変更されていません。ページを開き直して、もう一度送信してください。",
        "forbidden_heading": "このページはご覧になれません",
        "forbidden_staff": "運営スタッフ用のページです。{name} としてサインイン中です。",
        "forbidden_finance": "お金を動かせるのは finance と admin の役割だけです。{name} "
        "としてサインイン中です。何も変更"
        "されていません。",
        "forbidden_admin": "利用者を決められるのは admin の役割だけです。{name} としてサインイン中です。何も変更されて"
        "いません。",
        "forbidden_host": "設置者用のページです。{name} としてサインイン中です。",
        "home": "自分のページへ",
        "sign_out": "サインアウト",
    },
}

SIGN_IN = with_passkey_words(_WORDS)
