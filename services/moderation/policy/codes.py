"""Moderator codes: why a review was held or rejected. The vocabulary is that of Bazaarvoice Conversations 5.4."""

from enum import StrEnum


class ModeratorCode(StrEnum):
    """A code, what it says to people, and whether the author may mend the text and send it again."""

    label: str
    editable: bool

    def __new__(cls, code: str, label: str, editable: bool) -> "ModeratorCode":
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.editable = editable
        return member

    CR = "CR", "Competitor reference", True
    CS = "CS", "Customer service", False
    CSN = "CSN", "Customer service, negative", False
    DBA = "DBA", "Directs business away", True
    GIU = "GIU", "Generally inappropriate", False
    IU = "IU", "Inappropriate or unusable", False
    IMG = "IMG", "Image", True
    VID = "VID", "Video", False
    LI = "LI", "Legal issue", False
    MSR = "MSR", "Misleading star rating", True
    FL = "FL", "Foreign or false language", False
    PII = "PII", "Personal information", True
    PRF = "PRF", "Profanity", False
    PRI = "PRI", "Price", True
    PUX = "PUX", "Purchase experience", False
    SI = "SI", "Shipping", True
    SPM = "SPM", "Spam, fraud or duplicate", False
    URL = "URL", "Contains a URL", True
    UA = "UA", "Underage", False
    VAC = "VAC", "Vacuous or irrelevant", True
    WP = "WP", "Wrong product", False
