"""What is installed where: one source tree, five packages, one set of dependencies per place it runs.

The base is what the Pi needs without a screen. `pi-rpigpio` and `pi-lgpio` both install a package called `RPi`
and overwrite each other, so an environment holds at most one of them (docs/decisions/0001-one-gpio-library.md).
Every dependency named here has its line in docs/dependencies.md; a test compares the two.
"""

from __future__ import annotations

from setuptools import find_packages, setup

ROOMS = ("contract", "kiosk", "billing", "sim", "worlds")
DATA = [f"**/*.{kind}" for kind in ("toml", "json", "csv", "html", "txt", "css", "js", "svg", "mako", "ini", "typed")]

BASE = [
    "pymodbus>=3.16,<3.17",
    "pyserial>=3.5,<4",
    "nfcpy>=1.0.4,<1.1",
    "ndeflib>=0.3.3,<0.4",
    "requests>=2.32,<3",
    "cryptography>=50,<51",
    "qrcode>=8.2,<9",
    "Babel>=2.17,<3",
]
UI = ["kivy>=2.3.1,<2.4", "fonttools>=4.60,<5", "pillow>=12,<14"]
SERVER = [
    "fastapi>=0.165,<0.166",
    "uvicorn>=0.54,<0.55",
    "httptools>=0.9,<0.10",
    "uvloop>=0.23,<0.24",
    "orjson>=3.13,<4",
    "sqlalchemy>=2.1,<2.2",
    "sepaxml>=2.7,<3",
    "xmlschema>=4.3,<5",
    "alembic>=1.20,<1.21",
    "jinja2>=3.1.6,<4",
    "python-multipart>=0.0.34,<0.1",
    "webauthn>=3,<4",
    "argon2-cffi>=25.1,<26",
    "psycopg[binary]>=3.3,<4",
    "weasyprint>=70,<71",
    "stripe>=16.1,<17",
]
DEV = [
    "pytest>=9,<10",
    "pytest-timeout>=2.4,<3",
    "pytest-xdist>=3.8,<4",
    "hypothesis>=6.150,<7",
    "mypy>=2.4,<2.5",
    "ruff>=0.17.5,<0.18",
    "httpx>=0.28.1,<0.29",
    "aiosmtpd>=1.4.6,<2",
    "zxing-cpp>=3,<4",
    "playwright>=1.65,<2",
    "axe-playwright-python>=0.1.8,<0.2",
    "types-pyserial>=3.5,<3.6",
    "types-qrcode>=8.2,<8.3",
    "types-requests>=2.32,<3",
    # Drives simulated lines: the tests put their own `lgpio`, a socket client, in front of the one that comes along.
    # On 3.12 and later that one has no wheel, so set-up adds rpi-lgpio by itself there (scripts/set-up).
    'rpi-lgpio>=0.6,<0.7; python_version < "3.12"',
    'lgpio>=0.2.2,<0.3; python_version < "3.12"',
]

setup(
    name="charging-kiosk",
    version="0.1.0",
    description="A charging kiosk for electric vehicles: the kiosk, its billing server and its simulated street",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    # Named so that an editable install is one line in a .pth file: new modules appear at once, imports stay fast.
    package_dir={"": "."},
    packages=find_packages(".", include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")]),
    package_data=dict.fromkeys(ROOMS, DATA),
    install_requires=BASE,
    extras_require={
        "pi-rpigpio": ["RPi.GPIO>=0.7.1,<0.8"],
        "pi-lgpio": ["rpi-lgpio>=0.6,<0.7", "lgpio>=0.2.2,<0.3"],
        "ui": UI,
        "server": SERVER,
        "dev": DEV,
    },
    entry_points={
        "console_scripts": [
            "kiosk=kiosk.cli.main:main",
            "kiosk-controller=kiosk.daemon:main",
            "kiosk-uplink=kiosk.uplink.main:main",
            "kiosk-ui=kiosk.ui.main:main",
            "kiosk-billing=billing.cli:main",
            "kiosk-sim=worlds.cli:main",
        ]
    },
)
