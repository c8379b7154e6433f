"""What mails say, in every language: plain text, who it is from and why, what happens if one does nothing."""

from __future__ import annotations

MAILS: dict[str, dict[str, str]] = {
    "en": {
        "sign_in_subject": "Sign in at {operator}",
        "sign_in_text": """Open this link and press the button there to sign in at {operator}:

{address}

It works once, within 30 minutes. If you have no account yet, one is made with this address; charging never needs one.

You did not ask for it? Then do nothing: without the link nobody comes in.
""",
        "invite_subject": "{who} invites you into their household at {operator}",
        "invite_text": """{who} invites you into their household at {operator}.

In a household the cards of all may stop each other's charges; everybody goes on paying for their own.
Open this link within 7 days to decide:

{address}

You do not know {who}? Then do nothing.
""",
    },
    "de": {
        "sign_in_subject": "Anmelden bei {operator}",
        "sign_in_text": """Öffnen Sie diesen Link und drücken Sie dort den Knopf, um sich bei {operator} anzumelden:

{address}

Er gilt einmal, innerhalb von 30 Minuten. Haben Sie noch kein Konto, entsteht eines mit dieser Adresse; zum Laden
braucht es keines.

Sie haben ihn nicht angefordert? Dann tun Sie nichts: Ohne den Link kommt niemand hinein.
""",
        "invite_subject": "{who} lädt Sie in den gemeinsamen Haushalt bei {operator} ein",
        "invite_text": """{who} lädt Sie in den gemeinsamen Haushalt bei {operator} ein.

In einem Haushalt können die Karten aller die Ladevorgänge der anderen beenden; jeder zahlt weiterhin seine eigenen.
Öffnen Sie diesen Link innerhalb von 7 Tagen, um zu entscheiden:

{address}

Sie kennen {who} nicht? Dann tun Sie nichts.
""",
    },
    "ja": {
        "sign_in_subject": "{operator} へのサインイン",
        "sign_in_text": """次のリンクを開き、ボタンを押すと {operator} にサインインできます。

{address}

リンクは30分以内に1回だけ使えます。アカウントがない場合は、このアドレスで作成されます。充電にアカウントは要りません。

お心当たりがない場合は、何もしないでください。リンクがなければ誰も入れません。
""",
        "invite_subject": "{who} さんから {operator} の家族グループへの招待",
        "invite_text": """{who} さんが {operator} の家族グループに招待しています。

家族グループでは、全員のカードで互いの充電を止められます。料金はこれまでどおり各自が支払います。
7日以内に次のリンクを開いて、参加するかどうかをお決めください。

{address}

{who} さんをご存じない場合は、何もしないでください。
""",
    },
}
