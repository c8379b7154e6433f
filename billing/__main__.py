from __future__ import annotations

from billing.cli import main

raise SystemExit(main())
